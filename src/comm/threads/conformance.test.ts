import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { conformanceCases, createConformanceBuffers } from '../conformance.js';
import type { ConformanceCase } from '../conformance-case.js';
import { abort, createControl } from '../control.js';
import { createLaneMemory } from '../lane.js';
import { createMailMemory } from '../mail.js';
import type { TransportMemory } from '../transport.js';
import type { ConformanceRankData } from './conformance-rank.js';
import { startThreadsLane } from './start.js';

/** Runs a case on `ranks` ranks: a computing and a communication thread each. */
async function runCase(one: ConformanceCase, ranks: number, emulatedBytesPerSecond?: number): Promise<void> {
  const control = createControl();
  const mail = createMailMemory(one.channels(ranks));
  const shared = Array.from({ length: ranks }, (_, rank) => {
    const operations = one.operations(rank, ranks);
    return { operations, lane: createLaneMemory(operations.length), buffers: createConformanceBuffers(one) };
  });
  const link = emulatedBytesPerSecond === undefined ? {} : { emulatedBytesPerSecond };
  const lanes = shared.map((_, rank) => startThreadsLane({ rank, control, ranks: shared, cores: [], ...link }));
  const ends = shared.map(({ lane, buffers }, rank) => {
    const memory: TransportMemory = { rank, ranks, control, mail, lane, carriesMail: false };
    const workerData: ConformanceRankData = { name: one.name, memory, buffers };
    return ended(new Worker(new URL('./conformance-rank.js', import.meta.url), { workerData }), () => abort(control));
  });
  const laneEnds = lanes.map((lane) => ended(lane, () => abort(control)));
  try {
    await Promise.all(ends);
  } finally {
    abort(control);
    await Promise.all(laneEnds);
  }
}

function ended(worker: Worker, onError: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('error', (error) => {
      onError();
      reject(error);
    });
    worker.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`a thread ended with code ${code}`))));
  });
}

for (const ranks of [1, 2, 3, 4]) {
  describe(`the threads transport on ${ranks} ranks`, () => {
    for (const one of conformanceCases) it(one.name, () => runCase(one, ranks));
  });
}

describe('the emulated link', () => {
  it('slows what comes from other ranks down, and changes nothing else', async () => {
    const [, rows] = conformanceCases;
    const start = performance.now();
    await runCase(rows, 2, 20_000);
    assert.ok(performance.now() - start > 100, 'a few kilobytes at 20 kB/s take their time');
  });
});
