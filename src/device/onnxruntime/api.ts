import koffi from 'koffi';
import { WorkError } from '../../base/index.js';
import { loadLibrary } from './library.js';

/** An address of native memory; 0n is none. */
export type Address = bigint;

/** `OrtStatus *`: an error to be read and released, or null. */
type Status = Address | null;

/** The functions that we call, with C's order of arguments. All take and give bare addresses, so that a call converts and allocates nothing. */
interface Functions {
  getErrorMessage(status: Address): string;
  createEnv(severity: number, name: string, out: Address): Status;
  createSessionFromArray(env: Address, model: Address, bytes: number, options: Address, out: Address): Status;
  run(
    session: Address,
    options: Address,
    inputNames: Address,
    inputs: Address,
    inputCount: number,
    outputNames: Address,
    outputCount: number,
    outputs: Address,
  ): Status;
  createSessionOptions(out: Address): Status;
  disableMemPattern(options: Address): Status;
  setSessionLogSeverityLevel(options: Address, severity: number): Status;
  setSessionGraphOptimizationLevel(options: Address, level: number): Status;
  setIntraOpNumThreads(options: Address, threads: number): Status;
  createTensorWithDataAsOrtValue(
    memory: Address,
    data: Address,
    bytes: number,
    shape: Address,
    rank: number,
    type: number,
    out: Address,
  ): Status;
  createCpuMemoryInfo(allocator: number, memory: number, out: Address): Status;
  releaseStatus(status: Address): void;
  releaseSession(session: Address): void;
  releaseValue(value: Address): void;
  releaseSessionOptions(options: Address): void;
  addSessionConfigEntry(options: Address, key: string, value: string): Status;
  createAndRegisterAllocator(env: Address, memory: Address, configuration: Address): Status;
}

const pointer = 'uintptr_t';
const status = 'void *';

/**
 * Position in the table `OrtApi` (onnxruntime_c_api.h), whose order never changes; result; arguments.
 */
const signatures: { readonly [K in keyof Functions]: readonly [number, string, readonly string[]] } = {
  getErrorMessage: [2, 'str', [pointer]],
  createEnv: [3, status, ['int', 'str', pointer]],
  createSessionFromArray: [8, status, [pointer, pointer, 'size_t', pointer, pointer]],
  run: [9, status, [pointer, pointer, pointer, pointer, 'size_t', pointer, 'size_t', pointer]],
  createSessionOptions: [10, status, [pointer]],
  disableMemPattern: [17, status, [pointer]],
  setSessionLogSeverityLevel: [22, status, [pointer, 'int']],
  setSessionGraphOptimizationLevel: [23, status, [pointer, 'int']],
  setIntraOpNumThreads: [24, status, [pointer, 'int']],
  createTensorWithDataAsOrtValue: [49, status, [pointer, pointer, 'size_t', pointer, 'size_t', 'int', pointer]],
  createCpuMemoryInfo: [69, status, ['int', 'int', pointer]],
  releaseStatus: [93, 'void', [pointer]],
  releaseSession: [95, 'void', [pointer]],
  releaseValue: [96, 'void', [pointer]],
  releaseSessionOptions: [100, 'void', [pointer]],
  addSessionConfigEntry: [130, status, [pointer, 'str', 'str']],
  createAndRegisterAllocator: [144, status, [pointer, pointer, pointer]],
};

/** Has every function that we call; releases since 1.15 offer it. */
const apiVersion = 15;

export interface Api extends Functions {
  /** Throws `WorkError` with the library's own message if `status` is an error, and releases it. `doing` says what failed: `run the graph`. */
  check(status: Status, doing: string): void;
  /** The message of an error, which is released. */
  takeMessage(status: Address): string;
}

let api: Api | undefined;

/** The C API of ONNX Runtime, one a thread. Throws `WorkError` if the library is missing or too old. */
export function openApi(): Api {
  api ??= createApi();
  return api;
}

function createApi(): Api {
  const base = loadLibrary().func('OrtGetApiBase', 'void *', [])() as Address;
  // OrtApiBase is { GetApi, GetVersionString }.
  const getApi = decodeFunction(readAddresses(base, 1)[0]!, 'void *', ['uint32_t']) as (version: number) => Status;
  const address = getApi(apiVersion);
  if (address === null) {
    throw new WorkError({ what: 'the ONNX Runtime library is older than 1.15', mend: 'run npm ci' });
  }
  const table = readAddresses(address, 1 + Math.max(...Object.values(signatures).map(([position]) => position)));
  const functions = Object.fromEntries(
    Object.entries(signatures).map(([name, [position, result, parameters]]) => [
      name,
      decodeFunction(table[position]!, result, parameters),
    ]),
  ) as unknown as Functions;
  const takeMessage = (status: Address): string => {
    const message = functions.getErrorMessage(status);
    functions.releaseStatus(status);
    return message;
  };
  return { ...functions, takeMessage, check: (status, doing) => checkStatus(takeMessage, status, doing) };
}

function checkStatus(takeMessage: (status: Address) => string, status: Status, doing: string): void {
  if (status === null) return;
  const message = takeMessage(status);
  throw new WorkError({ what: `ONNX Runtime cannot ${doing}: ${message}` });
}

function readAddresses(from: Address, count: number): BigUint64Array {
  return koffi.decode(from, pointer, count) as BigUint64Array;
}

function decodeFunction(address: Address, result: string, parameters: readonly string[]): unknown {
  return koffi.decode(address, koffi.proto(result, [...parameters]));
}
