import { WorkError } from '../../base/index.js';
import { type Address, type Api, openApi } from './api.js';
import { addressOf, createPointerArray, type PointerArray } from './native-memory.js';

/** What a thread needs to make sessions and tensors. The environment and its allocator belong to the process and are never released. */
export interface Runtime {
  readonly api: Api;
  readonly environment: Address;
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

/** What goes wrong comes back as a status; the library need not print it too. */
const severityFatal = 4;
const optimizeNothing = 0;
const deviceAllocator = 0;
const arenaAllocator = 1;
const defaultMemory = 0;
const none: Address = 0n;

let runtime: Runtime | undefined;

/** This thread's runtime, made at the first call. Throws `WorkError` if the library cannot be loaded. */
export function openRuntime(): Runtime {
  runtime ??= createRuntime(openApi());
  return runtime;
}

function createRuntime(api: Api): Runtime {
  const out = createPointerArray(1);
  const dimsBuffer = new ArrayBuffer(8 * maximumRank);
  api.check(api.createEnv(severityFatal, 'doubletrack', out.address), 'start');
  const environment = out.values[0]!;
  shareArena(api, environment, out);
  api.check(api.createCpuMemoryInfo(deviceAllocator, defaultMemory, out.address), 'describe memory');
  const cpuMemory = out.values[0]!;
  return {
    api,
    environment,
    cpuMemory,
    out,
    dims: new BigInt64Array(dimsBuffer),
    dimsAddress: addressOf(dimsBuffer),
  };
}

/**
 * One arena for the intermediate results of all sessions, which run one after the other. With an arena each, 20 sessions of 120 MB held 2.0 GB;
 * with a shared one 0.25 GB. It grows by powers of two (the default): growing by what is asked for kept 2.0 GB again when each session needed a
 * little more than the one before, as experts with changing row counts do.
 */
function shareArena(api: Api, environment: Address, out: PointerArray): void {
  api.check(api.createCpuMemoryInfo(arenaAllocator, defaultMemory, out.address), 'describe its arena');
  const status = api.createAndRegisterAllocator(environment, out.values[0]!, none);
  // The environment belongs to the process: another thread may have registered the arena before.
  if (status !== null && !api.takeMessage(status).includes('already')) {
    throw new WorkError({ what: 'ONNX Runtime cannot share its arena between sessions' });
  }
}

/** Options of sessions whose runs compute on `threads` threads, the calling one among them. Whoever calls releases them. */
export function createSessionOptions({ api, out }: Runtime, threads: number): Address {
  api.check(api.createSessionOptions(out.address), 'make options');
  const options = out.values[0]!;
  api.check(api.setIntraOpNumThreads(options, threads), 'set the number of threads');
  // Each session has its own threads, and only one session of a rank runs at a time: those of the others must not spin beside it.
  api.check(api.addSessionConfigEntry(options, 'session.intra_op.allow_spinning', '0'), 'let idle threads sleep');
  api.check(api.setSessionLogSeverityLevel(options, severityFatal), 'set the log level');
  // Our own encoding picks the fast operators already; the optimizer made nothing faster and could move an operand that shares an output's memory.
  api.check(api.setSessionGraphOptimizationLevel(options, optimizeNothing), 'set the optimization level');
  // A memory pattern is kept for every set of shapes seen; row counts of experts differ in every run.
  api.check(api.disableMemPattern(options), 'switch memory patterns off');
  api.check(api.addSessionConfigEntry(options, 'session.use_env_allocators', '1'), 'share its arena');
  return options;
}
