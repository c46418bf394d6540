import { type Mpi, NO_REQUEST, STATUS_WORDS } from './api.js';

/** The requests under way, and what to do when each is done. */
export interface Requests {
  /** Sends the bytes; they must not change until `done` is called. */
  send(bytes: Uint8Array, to: number, tag: number, done: Done): void;
  /** Receives a message of at most as many bytes. Messages of one rank and tag come in the order of these calls. */
  receive(bytes: Uint8Array, from: number, tag: number, done: Done): void;
  /** `done` is called when all ranks have called this. */
  barrier(done: Done): void;
  /** Makes progress and calls `done` of each request that got done; gives their number. Throws `WorkError` if a message failed. */
  poll(): number;
  /** Requests that are not done. */
  count(): number;
}

/** Told the bytes that a receive brought. */
type Done = (bytes: number) => void;

interface Entry {
  /** Held until the request is done: MPI has its address. */
  readonly bytes: Uint8Array;
  readonly done: Done;
}

const none = new Uint8Array(0);

export function createRequests(mpi: Mpi): Requests {
  let memory = createTestMemory(64);
  let entries: Entry[] = [];
  const add = (request: number, entry: Entry) => {
    if (entries.length === memory.requests.length) memory = grow(memory.requests);
    memory.requests[entries.length] = request;
    entries.push(entry);
  };
  return {
    send: (bytes, to, tag, done) => add(mpi.isend(bytes, to, tag), { bytes, done }),
    receive: (bytes, from, tag, done) => add(mpi.irecv(bytes, from, tag), { bytes, done }),
    barrier: (done) => add(mpi.ibarrier(), { bytes: none, done }),
    poll() {
      const { requests, indices, statuses } = memory;
      const completed = entries.length === 0 ? 0 : mpi.testSome(memory, entries.length);
      if (completed === 0) return 0;
      const finished = Array.from(indices.subarray(0, completed), (index) => entries[index]);
      const received = Array.from({ length: completed }, (_, position) => statuses[position * STATUS_WORDS]);
      entries = keepUnfinished(requests, entries);
      // Last, since they add requests.
      for (const [position, { done }] of finished.entries()) done(received[position]);
      return completed;
    },
    count: () => entries.length,
  };
}

/** Closes the gaps, so that what is under way stays in the order in which it began. */
function keepUnfinished(requests: Int32Array, entries: readonly Entry[]): Entry[] {
  const kept = entries.filter((_, index) => requests[index] !== NO_REQUEST);
  requests.set(requests.subarray(0, entries.length).filter((request) => request !== NO_REQUEST));
  return kept;
}

function createTestMemory(count: number) {
  return {
    requests: new Int32Array(count).fill(NO_REQUEST),
    indices: new Int32Array(count),
    statuses: new Int32Array(count * STATUS_WORDS),
  };
}

function grow(requests: Int32Array) {
  const memory = createTestMemory(2 * requests.length);
  memory.requests.set(requests);
  return memory;
}
