// Run under mpiexec by two ranks: messages of several sizes both ways at once, made and checked in shared memory by a worker.
import { isMainThread, Worker } from 'node:worker_threads';
import { createRequestTable, openMpi, type RequestTable, STATUS_WORDS } from './api.js';

const sizes = [0, 1, 7, 4096, 65_537, 3_000_001];

if (isMainThread) new Worker(new URL(import.meta.url));
else main();

function main(): void {
  const mpi = openMpi();
  const peer = 1 - mpi.rank;
  const table = createRequestTable(2 * sizes.length);
  const outgoing = sizes.map((size) => madeBytes(mpi.rank, size));
  const incoming = sizes.map((size) => sharedBytes(size));
  for (const [tag, bytes] of incoming.entries()) mpi.irecv(bytes, peer, tag, table, tag);
  for (const [tag, bytes] of outgoing.entries()) mpi.isend(bytes, peer, tag, table, sizes.length + tag);
  const received = finish(mpi, table, 2 * sizes.length);
  for (const [tag, bytes] of incoming.entries()) {
    const isRight =
      received.get(tag) === sizes[tag] && bytes.every((byte, index) => byte === byteOf(peer, sizes[tag], index));
    if (!isRight) throw new Error(`rank ${mpi.rank} got a wrong message of ${sizes[tag]} bytes`);
  }
  mpi.barrier();
  process.stdout.write(`rank ${mpi.rank} of ${mpi.ranks}: all right; ${overrun(mpi, peer)}; ${nobody(mpi)}\n`);
  mpi.barrier();
}

/** Waits for `count` requests; gives the bytes received by place. */
function finish(mpi: ReturnType<typeof openMpi>, table: RequestTable, count: number): Map<number, number> {
  const bytes = new Map<number, number>();
  while (bytes.size < count) {
    const done = mpi.testSome(table);
    for (let index = 0; index < done; index++) bytes.set(table.indices[index], table.statuses[index * STATUS_WORDS]);
  }
  return bytes;
}

/** What is thrown when a message is longer than the memory for it. */
function overrun(mpi: ReturnType<typeof openMpi>, peer: number): string {
  const table = createRequestTable(2);
  mpi.irecv(sharedBytes(4), peer, 99, table, 0);
  mpi.isend(sharedBytes(8), peer, 99, table, 1);
  return messageOf(() => finish(mpi, table, 2));
}

/** What is thrown when a message is for a rank that there is not. */
function nobody(mpi: ReturnType<typeof openMpi>): string {
  return messageOf(() => mpi.isend(sharedBytes(8), 5, 0, createRequestTable(1), 0));
}

function messageOf(act: () => void): string {
  try {
    act();
    return 'nothing thrown';
  } catch (error) {
    return String(error).replaceAll('\n', ' ');
  }
}

function sharedBytes(size: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(size));
}

function madeBytes(rank: number, size: number): Uint8Array {
  const bytes = sharedBytes(size);
  for (let index = 0; index < size; index++) bytes[index] = byteOf(rank, size, index);
  return bytes;
}

function byteOf(rank: number, size: number, index: number): number {
  return (index * 31 + size + rank * 101) & 0xff;
}
