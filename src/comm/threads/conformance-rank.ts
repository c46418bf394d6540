import { parentPort, workerData } from 'node:worker_threads';
import { findConformanceCase } from '../conformance.js';
import type { RankBuffers } from '../operations.js';
import { openTransport, type TransportMemory } from '../transport.js';

export interface ConformanceRankData {
  readonly name: string;
  readonly memory: TransportMemory;
  readonly buffers: RankBuffers;
}

/** The computing thread of one rank in a conformance case. */
const { name, memory, buffers } = workerData as ConformanceRankData;
const transport = openTransport(memory);
try {
  findConformanceCase(name).run({ transport, buffers });
} finally {
  // Whoever still waits for this rank should not do so for ever.
  parentPort?.postMessage('done');
}
