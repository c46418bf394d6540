// Run under mpiexec: one conformance case, with a computing and a communication thread in each rank's process.
import { Worker } from 'node:worker_threads';
import { createConformanceBuffers, findConformanceCase } from '../conformance.js';
import { createControl } from '../control.js';
import { createLaneMemory } from '../lane.js';
import { createMailMemory } from '../mail.js';
import type { ConformanceRankData } from '../threads/conformance-rank.js';
import type { TransportMemory } from '../transport.js';
import { startMpiLane } from './start.js';
import { needsSupervisor, ranksOfMpiexec, superviseRank } from './supervisor.js';

process.exit(needsSupervisor() ? await superviseRank() : await runCase(process.argv[2]));

async function runCase(name: string): Promise<number> {
  const { rank, ranks } = ranksOfMpiexec() ?? { rank: 0, ranks: 1 };
  const one = findConformanceCase(name);
  const [control, mail, operations] = [
    createControl(),
    createMailMemory(one.channels(ranks)),
    one.operations(rank, ranks),
  ];
  const [lane, buffers] = [createLaneMemory(operations.length), createConformanceBuffers(one)];
  const communication = startMpiLane({ rank, ranks, control, lane, mail, buffers, operations });
  const memory: TransportMemory = { rank, ranks, control, mail, lane, carriesMail: true };
  const workerData: ConformanceRankData = { name, memory, buffers };
  const computing = new Worker(new URL('../threads/conformance-rank.js', import.meta.url), { workerData });
  computing.on('error', ({ message }) => communication.fail(`rank ${rank}: ${message}`));
  computing.on('exit', (code) => code === 0 && communication.finish());
  process.stdout.write(`rank ${rank} is process ${process.pid}\n`);
  try {
    await communication.ended;
    process.stdout.write(`rank ${rank} of ${ranks} has finished\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`doubletrack: ${(error as Error).message}\n`);
    return 1;
  }
}
