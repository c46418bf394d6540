import { WorkError } from '../../base/index.js';
import { type Address, type Api, openApi } from './api.js';
import { addressOf, createCStrings, createPointerArray, type PointerArray } from './native-memory.js';

/** What a thread needs to make sessions and tensors. The environment and its allocator belong to the process and are never released. */
export interface Runtime {
  readonly api: Api;
  readonly environment: Address;
  readonly sessionOptions: Address;
  readonly cpuMemory: Address;
  /** Where functions of the library write the handle that they make. */
  readonly out: PointerArray;
  /** A tensor's dims, for the length of a call. */
  readonly dims: BigInt64Array;
  readonly dimsAddress: Address;
}

/** Element types, by ONNX's numbers. */
export const elementTypes = { float32: 1, int32: 6 } as const;

/** More dims than any graph of ours has. */
export const maximumRank = 8;

const severityError = 3;
const optimizeNothing = 0;
const deviceAllocator = 0;
const arenaAllocator = 1;
const defaultMemory = 0;

let runtime: Runtime | undefined;

/** This thread's runtime, made at the first call. Throws `WorkError` if the library cannot be loaded. */
export function openRuntime(): Runtime {
  runtime ??= createRuntime(openApi());
  return runtime;
}

function createRuntime(api: Api): Runtime {
  const out = createPointerArray(1);
  const dimsBuffer = new ArrayBuffer(8 * maximumRank);
  api.check(api.createEnv(severityError, 'doubletrack', out.address), 'start');
  const environment = out.values[0]!;
  shareArena(api, environment, out);
  api.check(api.createCpuMemoryInfo(deviceAllocator, defaultMemory, out.address), 'describe memory');
  const cpuMemory = out.values[0]!;
  return {
    api,
    environment,
    sessionOptions: createSessionOptions(api, out),
    cpuMemory,
    out,
    dims: new BigInt64Array(dimsBuffer),
    dimsAddress: addressOf(dimsBuffer),
  };
}

function shareArena(api: Api, environment: Address, out: PointerArray): void {
  api.check(api.createCpuMemoryInfo(arenaAllocator, defaultMemory, out.address), 'describe memory');
  const memory = out.values[0]!;
  const keys = createPointerArray(1);
  const values = createPointerArray(1);
  const names = createCStrings(['arena_extend_strategy']);
  keys.values[0] = names.addresses[0]!;
  values.values[0] = 1n;
  api.check(api.createArenaConfiguration(keys.address, values.address, 1, out.address), 'configure its arena');
  const configuration = out.values[0]!;
  const status = api.createAndRegisterAllocator(environment, memory, configuration);
  api.releaseArenaConfiguration(configuration);
  // The environment belongs to the process: another thread may have registered the arena before.
  if (status !== null && !api.takeMessage(status).includes('already')) {
    throw new WorkError({ what: 'ONNX Runtime cannot share its arena between sessions' });
  }
}

function createSessionOptions(api: Api, out: PointerArray): Address {
  api.check(api.createSessionOptions(out.address), 'make options');
  const options = out.values[0]!;
  // A rank computes on one thread. More would also make sums depend on how many.
  api.check(api.setIntraOpNumThreads(options, 1), 'set the number of threads');
  api.check(api.setSessionLogSeverityLevel(options, severityError), 'set the log level');
  // Our own encoding picks the fast operators already; the optimizer made nothing faster and could move an operand that shares an output's memory.
  api.check(api.setSessionGraphOptimizationLevel(options, optimizeNothing), 'set the optimization level');
  // A memory pattern is kept for every set of shapes seen; row counts of experts differ in every run.
  api.check(api.disableMemPattern(options), 'switch memory patterns off');
  api.check(api.addSessionConfigEntry(options, 'session.use_env_allocators', '1'), 'share its arena');
  return options;
}
