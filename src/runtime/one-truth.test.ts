import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatAction } from '../schedule/index.js';
import type { RankGroup } from './group.js';
import { locateRank } from './layout.js';
import type { RunSpec } from './spec.js';
import { startRanks } from './start-ranks.js';
import { createTestSpec, fillTestBatch, type TestRun } from './test-spec.js';

/** Of all expert ranks together. */
const MICROBATCHES = 20;
const STEPS = 5;

interface Outcome {
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly executed: readonly (readonly string[])[];
}

function readGradients({ states }: RankGroup): Map<string, Float32Array> {
  const gradients = new Map<string, Float32Array>();
  for (const { layout, state } of states) {
    for (const { name, position, count } of layout.tensors.values()) {
      gradients.set(name, new Float32Array(state, layout.byteOffsets.gradients + 4 * position, count).slice());
    }
  }
  return gradients;
}

type Run = Omit<TestRun, 'microbatches'>;

async function train(run: Run): Promise<Outcome & { readonly spec: RunSpec }> {
  const spec = createTestSpec({ ...run, microbatches: MICROBATCHES / (run.expert ?? 1) });
  const group = await startRanks(spec);
  try {
    await group.call('initialize', 7);
    const losses: number[] = [];
    const norms: number[] = [];
    let gradients = new Map<string, Float32Array>();
    for (let step = 1; step <= STEPS; step++) {
      fillTestBatch(spec, step);
      const reports = await group.call('computeGradients');
      if (step === 1) gradients = readGradients(group);
      const scalars = reports.flatMap((report) => report.scalars).filter(({ meaning }) => meaning === 'loss');
      assert.equal(scalars.length, MICROBATCHES);
      losses.push(scalars.sort((a, b) => a.batchRow - b.batchRow).reduce((sum, { value }) => sum + value, 0));
      norms.push(reports[0].gradientNorm);
      await group.call('update', step, 1e-2);
    }
    return { spec, losses, norms, gradients, executed: await group.call('executed') };
  } finally {
    await group.close();
  }
}

function assertClose(actual: number, expected: number, tolerance: number, what: string): void {
  assert.ok(Math.abs(actual - expected) <= tolerance * Math.abs(expected), `${what}: ${actual} is not ${expected}`);
}

/** Norm of the difference over the norm. */
function relativeDifference(actual: Float32Array, expected: Float32Array): number {
  let difference = 0;
  let norm = 0;
  for (let index = 0; index < expected.length; index++) {
    difference += (actual[index] - expected[index]) ** 2;
    norm += expected[index] ** 2;
  }
  return Math.sqrt(difference / Math.max(norm, 1e-30));
}

const layouts: readonly Run[] = [
  { schedule: '1f1b', ranks: 1 },
  { schedule: '1f1b', ranks: 2 },
  { schedule: '1f1b', ranks: 4 },
  { schedule: 'gpipe', ranks: 2 },
  { schedule: 'dualpipev', ranks: 1 },
  { schedule: 'dualpipev', ranks: 2 },
  { schedule: 'dualpipev', ranks: 4 },
  { schedule: 'dualpipe', ranks: 2 },
  { schedule: 'dualpipe', ranks: 4 },
  { schedule: 'interleaved', ranks: 2 },
  { schedule: 'interleaved', ranks: 2, stagesPerRank: 4 },
  { schedule: 'interleaved', ranks: 4 },
  { schedule: 'interleaved', ranks: 1, stagesPerRank: 3 },
  { schedule: 'zb-h1', ranks: 2 },
  { schedule: 'zb-h1', ranks: 4 },
  { schedule: 'zb-v', ranks: 2 },
  { schedule: 'zb-v', ranks: 4 },
  { schedule: 'interleaved', ranks: 2, expert: 2, overlap: false },
  { schedule: 'interleaved', ranks: 2, expert: 2, shardsOptimizer: true },
  { schedule: 'zb-h1', ranks: 2, expert: 2 },
  { schedule: 'zb-v', ranks: 2, expert: 2, shardsOptimizer: true },
  { schedule: 'dualpipev', ranks: 1, expert: 2 },
  { schedule: 'dualpipev', ranks: 1, expert: 2, overlap: false },
  { schedule: 'dualpipev', ranks: 1, expert: 2, shardsOptimizer: true },
  { schedule: '1f1b', ranks: 1, expert: 4 },
  { schedule: 'dualpipev', ranks: 2, expert: 2 },
  { schedule: 'dualpipev', ranks: 2, expert: 2, overlap: false, shardsOptimizer: true },
  { schedule: 'dualpipe', ranks: 2, expert: 2 },
  { schedule: 'dualpipe', ranks: 2, expert: 2, shardsOptimizer: true },
];

function describeRun({ schedule, ranks, stagesPerRank, expert = 1, overlap = true, shardsOptimizer = false }: Run) {
  const stages = stagesPerRank === undefined ? [] : `with ${stagesPerRank} stages a rank`;
  const options = [
    stages,
    overlap ? [] : ['without overlap'],
    shardsOptimizer ? ['with a sharded optimizer'] : [],
  ].flat();
  return [`${schedule} on ${ranks} x ${expert} ranks`, ...options].join(' ');
}

const reference = await train({ schedule: 'gpipe', ranks: 1 });

describe('training', () => {
  it('learns', () => {
    assert.ok(reference.losses[STEPS - 1] < reference.losses[0] - 0.1, reference.losses.join(' '));
  });

  it('gives the same bits when it runs twice', async () => {
    for (const run of [
      { schedule: 'gpipe', ranks: 1 },
      { schedule: 'dualpipev', ranks: 2 },
      { schedule: 'dualpipev', ranks: 1, expert: 2 },
      { schedule: 'dualpipe', ranks: 2, expert: 2, shardsOptimizer: true },
    ] as const) {
      const [first, second] = [await train(run), await train(run)];
      assert.deepEqual(first.losses, second.losses);
      assert.deepEqual(first.norms, second.norms);
      assert.deepEqual(first.gradients, second.gradients);
    }
  });

  it('without overlap gives the same losses and gradients, bit for bit', async () => {
    for (const expert of [1, 2]) {
      const run = { schedule: 'dualpipev', ranks: 2, expert } as const;
      const [merged, sequential] = [await train(run), await train({ ...run, overlap: false })];
      assert.deepEqual(sequential.losses, merged.losses);
      assert.deepEqual(sequential.gradients, merged.gradients);
    }
  });

  for (const run of layouts) {
    it(`with ${describeRun(run)} gives the losses and gradients of one rank, and runs the schedule's order`, async () => {
      const outcome = await train(run);
      for (const [step, loss] of outcome.losses.entries())
        assertClose(loss, reference.losses[step], 1e-5, `loss of step ${step + 1}`);
      for (const [step, norm] of outcome.norms.entries())
        assertClose(norm, reference.norms[step], 1e-4, `norm of step ${step + 1}`);
      assert.deepEqual(new Set(outcome.gradients.keys()), new Set(reference.gradients.keys()));
      // With a sharded optimizer every rank has the whole sum of its own part only.
      for (const [name, gradient] of run.shardsOptimizer === true ? [] : reference.gradients) {
        const difference = relativeDifference(outcome.gradients.get(name) as Float32Array, gradient);
        assert.ok(difference < 1e-4, `gradient of ${name} differs by ${difference}`);
      }
      for (const [rank, executed] of outcome.executed.entries()) {
        const { pipelineRank } = locateRank(outcome.spec, rank);
        assert.deepEqual(executed, outcome.spec.schedule.actions[pipelineRank].map(formatAction));
      }
    });
  }
});
