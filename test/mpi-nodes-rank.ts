// Run under mpiexec: one rank, which prints the node of each rank as this one came to know it.
import { findLaunch, needsSupervisor, superviseRank } from '../src/comm/index.js';
import { startRanks } from '../src/runtime/index.js';
import { createTestSpec } from '../src/runtime/test-spec.js';

process.exit(needsSupervisor() ? await superviseRank() : await runRank());

async function runRank(): Promise<number> {
  const launch = findLaunch(process.env);
  const spec = createTestSpec({ schedule: '1f1b', ranks: 1, expert: launch?.ranks ?? 1, microbatches: 2 });
  const group = await startRanks(spec, launch);
  try {
    const [nodes] = await group.call('initialize', 1);
    process.stdout.write(`nodes ${nodes.join()}\n`);
  } finally {
    await group.close();
  }
  return 0;
}
