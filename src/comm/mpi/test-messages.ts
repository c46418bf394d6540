// Run under mpiexec by two ranks: messages of several sizes both ways at once, made and checked in shared memory by a worker.
import { writeSync } from 'node:fs';
import { isMainThread, Worker } from 'node:worker_threads';
import { openMpi } from './api.js';
import { createRequests, type Requests } from './requests.js';

const sizes = [0, 1, 7, 4096, 65_537, 3_000_001];

if (isMainThread) new Worker(new URL(import.meta.url));
else main();

function main(): void {
  const mpi = openMpi();
  const requests = createRequests(mpi);
  const peer = 1 - mpi.rank;
  const incoming = sizes.map((size) => sharedBytes(size));
  const lengths = sizes.map(() => -1);
  for (const [tag, bytes] of incoming.entries())
    requests.receive(bytes, peer, tag, (length) => {
      lengths[tag] = length;
    });
  for (const [tag, size] of sizes.entries()) requests.send(madeBytes(mpi.rank, size), peer, tag, () => undefined);
  finish(requests);
  for (const [tag, bytes] of incoming.entries()) {
    const size = sizes[tag];
    if (lengths[tag] !== size || !bytes.every((byte, index) => byte === byteOf(peer, size, index)))
      throw new Error(`rank ${mpi.rank} got a wrong message of ${size} bytes`);
  }
  finishTogether(requests);
  // At once: what a worker writes in its own way goes through the main thread, which a busy machine may not run before
  // both end.
  writeSync(1, `rank ${mpi.rank} of ${mpi.ranks}: all right; ${overrun(requests, peer)}; ${nobody(requests)}\n`);
  finishTogether(requests);
}

function finish(requests: Requests): void {
  while (requests.count() > 0) requests.poll();
}

function finishTogether(requests: Requests): void {
  requests.barrier(() => undefined);
  finish(requests);
}

/** What is thrown when a message is longer than the memory for it. */
function overrun(requests: Requests, peer: number): string {
  requests.receive(sharedBytes(4), peer, 99, () => undefined);
  requests.send(sharedBytes(8), peer, 99, () => undefined);
  return messageOf(() => finish(requests));
}

/** What is thrown when a message is for a rank that there is not. */
function nobody(requests: Requests): string {
  return messageOf(() => requests.send(sharedBytes(8), 5, 0, () => undefined));
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
