import type { LibraryHandle } from 'koffi';
import { WorkError } from '../../base/index.js';
import { loadMpiLibrary } from './library.js';

/** MPI's C functions that we call. Memory is given as views, whose buffers lie outside the JavaScript heap and never move. */
interface Functions {
  initThread(argc: null, argv: null, required: number, provided: Int32Array): number;
  setErrorHandler(communicator: number, handler: number): number;
  errorString(code: number, text: Uint8Array, length: Int32Array): number;
  commRank(communicator: number, rank: Int32Array): number;
  commSize(communicator: number, size: Int32Array): number;
  isend(
    memory: Uint8Array,
    count: number,
    type: number,
    to: number,
    tag: number,
    communicator: number,
    request: Int32Array,
  ): number;
  irecv: Functions['isend'];
  ibarrier(communicator: number, request: Int32Array): number;
  testsome(
    count: number,
    requests: Int32Array,
    completed: Int32Array,
    indices: Int32Array,
    statuses: Int32Array,
  ): number;
}

const pointer = 'void *';
const message = [pointer, 'int', 'int', 'int', 'int', 'int', pointer];

/** Name and arguments; all give an int, which is a code of error. Source: the MPI standard 3.1. */
const signatures: { readonly [K in keyof Functions]: readonly [string, readonly string[]] } = {
  initThread: ['MPI_Init_thread', [pointer, pointer, 'int', pointer]],
  setErrorHandler: ['MPI_Comm_set_errhandler', ['int', 'int']],
  errorString: ['MPI_Error_string', ['int', pointer, pointer]],
  commRank: ['MPI_Comm_rank', ['int', pointer]],
  commSize: ['MPI_Comm_size', ['int', pointer]],
  isend: ['MPI_Isend', message],
  irecv: ['MPI_Irecv', message],
  ibarrier: ['MPI_Ibarrier', ['int', pointer]],
  testsome: ['MPI_Testsome', ['int', pointer, pointer, pointer, pointer]],
};

/** Handles and constants of MPICH's ABI (mpi.h). */
const world = 0x44000000;
const byte = 0x4c00010d;
const errorsReturn = 0x54000001;
const funneled = 1;
const undefinedCount = -32766;
const errorInStatus = 17;
const classOfError = 0x7f;
const maxErrorString = 512;

/** A request that is none, as a request becomes that is done. */
export const NO_REQUEST = 0x2c000000;
/** Receives from whichever rank sends first. */
export const ANY_RANK = -2;
/** Int32 words of a status: bytes received (low, high), rank of the sender, tag, code of error. */
export const STATUS_WORDS = 5;

/** What `testSome` looks at and fills. */
interface TestMemory {
  readonly requests: Int32Array;
  /** Positions of the requests that got done, and their statuses in the same order. */
  readonly indices: Int32Array;
  readonly statuses: Int32Array;
}

/**
 * MPI between the ranks of the world. All calls must be made by the thread that opened it; none waits, and each throws `WorkError` with
 * MPI's message if it fails. Bytes that are given must be held, and those to be sent left alone, until the request is done.
 */
export interface Mpi {
  readonly rank: number;
  readonly ranks: number;
  /** Starts to send the bytes; gives the request. */
  isend(bytes: Uint8Array, to: number, tag: number): number;
  /** Starts to receive a message of at most as many bytes; gives the request. */
  irecv(bytes: Uint8Array, from: number, tag: number): number;
  /** A request that is done when all ranks have come. */
  ibarrier(): number;
  /** Makes progress on the first `count` requests, and gives how many of them got done. */
  testSome(memory: TestMemory, count: number): number;
}

let opened: Mpi | undefined;

/**
 * Starts MPI: a process can do so once, and only by one of its threads. Without mpiexec it is the only rank. Throws `WorkError` if the
 * library is missing or does not start.
 */
export function openMpi(): Mpi {
  opened ??= startMpi(declareFunctions(loadMpiLibrary()));
  return opened;
}

function declareFunctions(library: LibraryHandle): Functions {
  return Object.fromEntries(
    Object.entries(signatures).map(([key, [name, parameters]]) => [key, library.func(name, 'int', [...parameters])]),
  ) as unknown as Functions;
}

function startMpi(functions: Functions): Mpi {
  const check = (code: number, doing: string): void => {
    if (code !== 0) throw new WorkError({ what: `MPI cannot ${doing}: ${describeCode(functions, code)}` });
  };
  const word = new Int32Array(1);
  const give = (code: number, doing: string): number => {
    check(code, doing);
    return word[0];
  };
  check(functions.initThread(null, null, funneled, word), 'start');
  // Otherwise MPI itself ends the process at the first error.
  check(functions.setErrorHandler(world, errorsReturn), 'set its error handler');
  return {
    rank: give(functions.commRank(world, word), 'tell the rank'),
    ranks: give(functions.commSize(world, word), 'tell the number of ranks'),
    isend: (bytes, to, tag) =>
      give(functions.isend(bytes, bytes.length, byte, to, tag, world, word), `send to rank ${to}`),
    irecv: (bytes, from, tag) =>
      give(functions.irecv(bytes, bytes.length, byte, from, tag, world, word), `receive from rank ${from}`),
    ibarrier: () => give(functions.ibarrier(world, word), 'wait for all ranks'),
    testSome(memory, count) {
      const code = functions.testsome(count, memory.requests, word, memory.indices, memory.statuses);
      if (code !== 0) check(firstError(code, memory.statuses, word[0]), 'move messages');
      return word[0] === undefinedCount ? 0 : word[0];
    },
  };
}

/** The code of the message that failed, where the call says only that one did. */
function firstError(code: number, statuses: Int32Array, completed: number): number {
  if ((code & classOfError) !== errorInStatus) return code;
  for (let index = 0; index < completed; index++) {
    const error = statuses[index * STATUS_WORDS + 4];
    if (error !== 0) return error;
  }
  return code;
}

function describeCode(functions: Functions, code: number): string {
  const text = new Uint8Array(maxErrorString);
  const length = new Int32Array(1);
  functions.errorString(code, text, length);
  return new TextDecoder().decode(text.subarray(0, length[0]));
}
