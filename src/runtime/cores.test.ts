import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { assignCores, listCores } from '../device/index.js';
import { startRanks } from './start-ranks.js';
import { createTestSpec, fillTestBatch, type TestRun } from './test-spec.js';

/** The hardware threads that each thread of this process may run on, as Linux prints them: `0-1`. */
function listAffinities(): string[] {
  const folder = '/proc/self/task';
  return readdirSync(folder).flatMap((task) => {
    const status = readFileSync(`${folder}/${task}/status`, 'utf8');
    return /^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? [];
  });
}

async function trainStep(run: TestRun, look: () => void = () => undefined) {
  const spec = createTestSpec(run);
  const group = await startRanks(spec);
  try {
    await group.call('initialize', 7);
    const reports = [];
    for (let step = 1; step <= 3; step++) {
      fillTestBatch(spec, step);
      reports.push(await group.call('computeGradients'));
      await group.call('update', step, 1e-2);
    }
    look();
    return reports.map(([{ gradientNorm, scalars }]) => ({ gradientNorm, scalars }));
  } finally {
    await group.close();
  }
}

const run = { schedule: 'dualpipev', ranks: 2, microbatches: 4 } as const;

describe('the cores of a run', () => {
  const cores = process.platform === 'linux' ? listCores() : [];

  it('are one a rank with affinity', { skip: cores.flat().length < 2 }, async () => {
    const before = new Set(listAffinities());
    const expected = [0, 1].map((rank) => String(assignCores({ rank, ranks: 2, computeThreads: 1, cores }).compute[0]));
    await trainStep({ ...run, affinity: 'cores' }, () => {
      // A set: the engine starts a thread of its own, which idles beside the rank that opened it first.
      const bound = new Set(listAffinities().filter((list) => !before.has(list)));
      assert.deepEqual(bound, new Set(expected));
    });
  });

  it('do not change the numbers', async () => {
    assert.deepEqual(await trainStep({ ...run, affinity: 'cores' }), await trainStep(run));
  });

  it('change sums by rounding alone when a rank computes on several threads, the same bits every time', async () => {
    const several = { ...run, computeThreads: 3 };
    const [one, first, second] = [await trainStep(run), await trainStep(several), await trainStep(several)];
    assert.deepEqual(first, second);
    assert.deepEqual(await trainStep({ ...several, affinity: 'cores' }), first);
    for (const [step, { gradientNorm }] of first.entries()) {
      assert.ok(Math.abs(gradientNorm - one[step].gradientNorm) < 1e-5 * gradientNorm);
    }
  });
});
