// Run under mpiexec: one conformance case, with a computing and a communication thread in each rank's process; or with a second
// parameter one that never ends, for faults.
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { describeProblem } from '../../base/index.js';
import { createConformanceBuffers, findConformanceCase } from '../conformance.js';
import { abort, createControl, readCause } from '../control.js';
import { createLaneMemory } from '../lane.js';
import { createMailMemory } from '../mail.js';
import type { ConformanceRankData } from '../threads/conformance-rank.js';
import type { TransportMemory } from '../transport.js';
import { findLaunch } from './launch.js';
import { startMpiLane } from './start.js';
import { needsSupervisor, superviseRank } from './supervisor.js';

process.exit(needsSupervisor() ? await superviseRank() : await runCase(process.argv[2]));

async function runCase(name: string): Promise<number> {
  const { rank, ranks } = findLaunch(process.env) ?? { rank: 0, ranks: 1 };
  const one = findConformanceCase(name);
  const [control, mail, operations] = [
    createControl(),
    createMailMemory(one.channels(ranks)),
    one.operations(rank, ranks),
  ];
  const [lane, buffers] = [createLaneMemory(operations.length), createConformanceBuffers(one)];
  const memory: TransportMemory = { rank, ranks, control, mail, lane, carriesMail: true };
  const workerData: ConformanceRankData = { name, memory, buffers };
  const program = process.argv[3] === undefined ? '../threads/conformance-rank.js' : './test-endless.js';
  const computing = new Worker(new URL(program, import.meta.url), { workerData, argv: process.argv.slice(2) });
  computing.once('error', ({ message }) => abort(control, { what: message, where: `rank ${rank}` }));
  computing.once('exit', () => abort(control));
  process.stdout.write(`rank ${rank} is process ${process.pid}\n`);
  await once(startMpiLane({ rank, ranks, control, mail, shared: { lane, buffers, operations }, cores: [] }), 'exit');
  const cause = readCause(control);
  if (cause !== undefined) process.stderr.write(`doubletrack: ${describeProblem(cause)}\n`);
  else process.stdout.write(`rank ${rank} of ${ranks} has finished\n`);
  return cause === undefined ? 0 : 1;
}
