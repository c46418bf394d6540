// The computing thread of a rank that gathers for ever; rank 1 may fail.
import { workerData } from 'node:worker_threads';
import { createGather } from '../collectives.js';
import type { ConformanceRankData } from '../threads/conformance-rank.js';
import { openTransport } from '../transport.js';

const { memory, buffers } = workerData as ConformanceRankData;
const transport = openTransport(memory);
const gather = createGather(transport, buffers.values, 0);
const [, , , end] = process.argv;
for (let round = 0; ; round++) {
  gather([round]);
  if (round === 1000) process.stdout.write(`rank ${memory.rank} is at work\n`);
  if (end === 'fails' && round === 1000 && memory.rank === 1) throw new Error('no number is right');
}
