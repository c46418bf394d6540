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
  testsome(
    count: number,
    requests: Int32Array,
    completed: Int32Array,
    indices: Int32Array,
    statuses: Int32Array,
  ): number;
  barrier(communicator: number): number;
  abort(communicator: number, exitCode: number): number;
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
  testsome: ['MPI_Testsome', ['int', pointer, pointer, pointer, pointer]],
  barrier: ['MPI_Barrier', ['int']],
  abort: ['MPI_Abort', ['int', 'int']],
};

/** Handles and constants of MPICH's ABI (mpi.h). */
const world = 0x44000000;
const byte = 0x4c00010d;
const errorsReturn = 0x54000001;
const funneled = 1;
const undefinedCount = -32766;
const errorInStatus = 17;
const maxErrorString = 512;

/** A request that is none: its place in a table is free. */
export const NO_REQUEST = 0x2c000000;
/** Int32 words of a status: bytes received (low, high), rank of the sender, tag, code of error. */
export const STATUS_WORDS = 5;

/** Room for requests, and for what `testSome` tells of those that are done. */
export interface RequestTable {
  readonly requests: Int32Array<ArrayBuffer>;
  readonly indices: Int32Array;
  readonly statuses: Int32Array;
  /** Of each place its own view, made once. */
  readonly places: readonly Int32Array[];
}

/** A table with places for `count` requests, all free. */
export function createRequestTable(count: number): RequestTable {
  const requests = new Int32Array(count).fill(NO_REQUEST);
  return {
    requests,
    indices: new Int32Array(count),
    statuses: new Int32Array(count * STATUS_WORDS),
    places: Array.from({ length: count }, (_, place) => requests.subarray(place, place + 1)),
  };
}

/**
 * MPI between the ranks of the world. All calls must be made by the thread that opened it; each throws `WorkError` with MPI's message if it
 * fails. None waits, except `barrier`.
 */
export interface Mpi {
  readonly rank: number;
  readonly ranks: number;
  /** Starts to send the bytes, which must be held and left alone until the request at `place` is done. */
  isend(bytes: Uint8Array, to: number, tag: number, table: RequestTable, place: number): void;
  /** Starts to receive a message of at most as many bytes, which must be held until the request at `place` is done. */
  irecv(bytes: Uint8Array, from: number, tag: number, table: RequestTable, place: number): void;
  /**
   * Makes progress, and gives the number of requests that got done: their places are in `indices`, their statuses in the same order in
   * `statuses`, and their places are free.
   */
  testSome(table: RequestTable): number;
  /** Waits, busily, until all ranks have come. */
  barrier(): void;
  /** Ends all ranks' processes, this one too. */
  abort(exitCode: number): void;
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
  check(functions.initThread(null, null, funneled, word), 'start');
  // Otherwise MPI itself ends the process at the first error.
  check(functions.setErrorHandler(world, errorsReturn), 'set its error handler');
  const ask = (code: number, doing: string): number => {
    check(code, doing);
    return word[0];
  };
  return {
    rank: ask(functions.commRank(world, word), 'tell the rank'),
    ranks: ask(functions.commSize(world, word), 'tell the number of ranks'),
    isend(bytes, to, tag, table, place) {
      check(functions.isend(bytes, bytes.length, byte, to, tag, world, table.places[place]), `send to rank ${to}`);
    },
    irecv(bytes, from, tag, table, place) {
      const code = functions.irecv(bytes, bytes.length, byte, from, tag, world, table.places[place]);
      check(code, `receive from rank ${from}`);
    },
    testSome(table) {
      const { requests, indices, statuses } = table;
      const code = functions.testsome(requests.length, requests, word, indices, statuses);
      if (code !== 0) check(firstError(code, table, word[0]), 'move messages');
      return word[0] === undefinedCount ? 0 : word[0];
    },
    barrier: () => check(functions.barrier(world), 'wait for all ranks'),
    abort: (exitCode) => check(functions.abort(world, exitCode), 'end the ranks'),
  };
}

/** The code of the message that failed, where Testsome says only that one did. */
function firstError(code: number, { statuses }: RequestTable, completed: number): number {
  if ((code & 0x7f) !== errorInStatus) return code;
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
