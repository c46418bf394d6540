import assert from 'node:assert/strict';
import { formatAction } from '../schedule/index.js';
import type { RankGroup } from './group.js';
import { locateRank } from './layout.js';
import type { LayerSwitch, MigrationReport } from './migration.js';
import { listTensors } from './slots.js';
import type { RunSpec } from './spec.js';
import { startRanks } from './start-ranks.js';
import { createTestSpec, fillTestBatch, type TestRun } from './test-spec.js';

/** Of all expert ranks together. */
const MICROBATCHES = 20;
export const STEPS = 5;

export interface Outcome {
  readonly spec: RunSpec;
  readonly losses: readonly number[];
  readonly norms: readonly number[];
  readonly gradients: ReadonlyMap<string, Float32Array>;
  readonly executed: readonly (readonly string[])[];
  /** Tokens that each expert got in the first step, by layer. */
  readonly expertCounts: ReadonlyMap<number, readonly number[]>;
  /** Parameters and moments at the end, by the name in a checkpoint: those of every rank and every slot that holds them. */
  readonly copies: ReadonlyMap<string, readonly Float32Array[]>;
  /** Of all ranks and steps. */
  readonly migrations: readonly MigrationReport[];
}

function readGradients({ states }: RankGroup): Map<string, Float32Array> {
  const gradients = new Map<string, Float32Array>();
  for (const { layout, state } of states) {
    for (const { checkpointName, position, count } of listTensors({ layout, state })) {
      gradients.set(
        checkpointName,
        new Float32Array(state, layout.byteOffsets.gradients + 4 * position, count).slice(),
      );
    }
  }
  return gradients;
}

/** With a sharded optimizer no rank has all moments: then of the parameters alone. */
function readCopies({ states }: RankGroup, { shardsOptimizer = false }: Run): Map<string, Float32Array[]> {
  const copies = new Map<string, Float32Array[]>();
  for (const { layout, state } of states) {
    const { parameters, firstMoments, secondMoments } = layout.byteOffsets;
    for (const { checkpointName, position, count } of listTensors({ layout, state })) {
      for (const [what, start] of Object.entries(
        shardsOptimizer ? { parameters } : { parameters, firstMoments, secondMoments },
      )) {
        const name = `${what} of ${checkpointName}`;
        const copy = new Float32Array(state, start + 4 * position, count).slice();
        copies.set(name, [...(copies.get(name) ?? []), copy]);
      }
    }
  }
  return copies;
}

export type Run = Omit<TestRun, 'microbatches'> & {
  /** Layers that go over to another placement, by step from 1. */
  readonly switches?: ReadonlyMap<number, readonly LayerSwitch[]>;
};

/** Trains the tiny model for `STEPS` steps. */
export async function train(run: Run): Promise<Outcome> {
  const movesExperts = run.switches !== undefined;
  const spec = createTestSpec({ ...run, movesExperts, microbatches: MICROBATCHES / (run.expert ?? 1) });
  const group = await startRanks(spec);
  try {
    await group.call('initialize', 7);
    const losses: number[] = [];
    const norms: number[] = [];
    const migrations: MigrationReport[] = [];
    let gradients = new Map<string, Float32Array>();
    let expertCounts = new Map<number, readonly number[]>();
    for (let step = 1; step <= STEPS; step++) {
      fillTestBatch(spec, step);
      const reports = await group.call('computeGradients', run.switches?.get(step) ?? []);
      if (step === 1) {
        gradients = readGradients(group);
        expertCounts = new Map(reports.flatMap((report) => [...report.expertCounts]));
      }
      const scalars = reports.flatMap((report) => report.scalars).filter(({ meaning }) => meaning === 'loss');
      assert.equal(scalars.length, MICROBATCHES);
      losses.push(scalars.sort((a, b) => a.batchRow - b.batchRow).reduce((sum, { value }) => sum + value, 0));
      norms.push(reports[0].gradientNorm);
      migrations.push(...reports.flatMap(({ migration }) => migration ?? []));
      await group.call('update', step, 1e-2);
    }
    const executed = await group.call('executed');
    return { spec, losses, norms, gradients, executed, expertCounts, copies: readCopies(group, run), migrations };
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

/** The run for a test's name. */
export function describeRun(run: Run): string {
  const { schedule, ranks, stagesPerRank, expert = 1, overlap = true, shardsOptimizer = false } = run;
  const stages = stagesPerRank === undefined ? [] : `with ${stagesPerRank} stages a rank`;
  const options = [
    stages,
    overlap ? [] : ['without overlap'],
    shardsOptimizer ? ['with a sharded optimizer'] : [],
  ].flat();
  return [`${schedule} on ${ranks} x ${expert} ranks`, ...options].join(' ');
}

/** Throws unless the outcome has the losses, norms and gradients of `reference`, and was executed in the order of its schedule. */
export function assertSameTraining(outcome: Outcome, reference: Outcome, { shardsOptimizer = false }: Run): void {
  for (const [step, loss] of outcome.losses.entries())
    assertClose(loss, reference.losses[step], 1e-5, `loss of step ${step + 1}`);
  for (const [step, norm] of outcome.norms.entries())
    assertClose(norm, reference.norms[step], 1e-4, `norm of step ${step + 1}`);
  assert.deepEqual(new Set(outcome.gradients.keys()), new Set(reference.gradients.keys()));
  // With a sharded optimizer every rank has the whole sum of its own part only.
  for (const [name, gradient] of shardsOptimizer ? [] : reference.gradients) {
    const difference = relativeDifference(outcome.gradients.get(name) as Float32Array, gradient);
    assert.ok(difference < 1e-4, `gradient of ${name} differs by ${difference}`);
  }
  for (const [rank, executed] of outcome.executed.entries()) {
    const { pipelineRank } = locateRank(outcome.spec, rank);
    assert.deepEqual(executed, outcome.spec.schedule.actions[pipelineRank].map(formatAction));
  }
}

/** Throws unless all ranks and slots that hold a tensor have the same bits of it. */
export function assertEqualCopies({ copies }: Outcome): void {
  for (const [name, [first, ...others]] of copies)
    for (const other of others) assert.deepEqual(other, first, `${name} is not the same everywhere`);
}
