import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatAction, type ScheduleName } from '../schedule/index.js';
import { type RankGroup, startRanks } from './group.js';
import type { RunSpec } from './spec.js';
import { createTestSpec, fillTestBatch, type TestRun } from './test-spec.js';

const MICROBATCHES = 10;
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

async function train(run: TestRun): Promise<Outcome & { readonly spec: RunSpec }> {
  const spec = createTestSpec(run);
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
      assert.equal(scalars.length, run.microbatches);
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

const layouts: readonly (readonly [ScheduleName, number])[] = [
  ['1f1b', 1],
  ['1f1b', 2],
  ['1f1b', 4],
  ['gpipe', 2],
  ['dualpipev', 1],
  ['dualpipev', 2],
  ['dualpipev', 4],
  ['dualpipe', 2],
  ['dualpipe', 4],
];

const reference = await train({ schedule: 'gpipe', ranks: 1, microbatches: MICROBATCHES });

describe('training', () => {
  it('learns', () => {
    assert.ok(reference.losses[STEPS - 1] < reference.losses[0] - 0.1, reference.losses.join(' '));
  });

  it('gives the same bits when it runs twice', async () => {
    for (const run of [
      { schedule: 'gpipe', ranks: 1 },
      { schedule: 'dualpipev', ranks: 2 },
    ] as const) {
      const [first, second] = [
        await train({ ...run, microbatches: MICROBATCHES }),
        await train({ ...run, microbatches: MICROBATCHES }),
      ];
      assert.deepEqual(first.losses, second.losses);
      assert.deepEqual(first.norms, second.norms);
      assert.deepEqual(first.gradients, second.gradients);
    }
  });

  it('without overlap gives the same losses and gradients, bit for bit', async () => {
    const run = { schedule: 'dualpipev', ranks: 2, microbatches: MICROBATCHES } as const;
    const [merged, sequential] = [await train(run), await train({ ...run, overlap: false })];
    assert.deepEqual(sequential.losses, merged.losses);
    assert.deepEqual(sequential.gradients, merged.gradients);
  });

  for (const [schedule, ranks] of layouts) {
    it(`with ${schedule} on ${ranks} ranks gives the losses and gradients of one rank without a pipeline, and runs the schedule's order`, async () => {
      const outcome = await train({ schedule, ranks, microbatches: MICROBATCHES });
      for (const [step, loss] of outcome.losses.entries())
        assertClose(loss, reference.losses[step], 1e-5, `loss of step ${step + 1}`);
      for (const [step, norm] of outcome.norms.entries())
        assertClose(norm, reference.norms[step], 1e-4, `norm of step ${step + 1}`);
      assert.deepEqual(new Set(outcome.gradients.keys()), new Set(reference.gradients.keys()));
      for (const [name, gradient] of reference.gradients) {
        const difference = relativeDifference(outcome.gradients.get(name) as Float32Array, gradient);
        assert.ok(difference < 1e-4, `gradient of ${name} differs by ${difference}`);
      }
      for (const [rank, actions] of outcome.spec.schedule.actions.entries()) {
        assert.deepEqual(outcome.executed[rank], actions.map(formatAction));
      }
    });
  }
});
