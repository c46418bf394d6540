import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Schedule, scheduleNames } from '../../schedule/index.js';
import { type Costs, simulate } from '../../simulate/index.js';
import { createRun, runOrder, visitCritical } from './evaluate.js';
import { tryVariant } from './named.js';
import { orderOf, scheduleOf } from './orders.js';
import { createProblem, type Problem } from './problem.js';

const time = fc.integer({ min: 0, max: 20 });
const counts = fc.record({
  name: fc.constantFrom(...scheduleNames),
  ranks: fc.integer({ min: 1, max: 6 }),
  microbatches: fc.integer({ min: 1, max: 14 }),
});

/** A problem of a schedule with any costs, and the schedule. */
function drawProblem(schedule: Schedule, draw: () => number): Problem {
  const list = () => schedule.stageToRank.map(draw);
  const costs: Costs = {
    forward: list(),
    backwardInput: list(),
    backwardWeight: list(),
    overlapped: schedule.stageToRank.map(list),
    p2p: draw() / 4,
  };
  return createProblem(schedule, schedule.microbatches, costs, undefined);
}

test('an order takes what simulate says of its schedule, and as many chunks are alive', () => {
  fc.assert(
    fc.property(counts, fc.gen(), ({ name, ranks, microbatches }, gen) => {
      const { schedule } = tryVariant({ name }, ranks, microbatches);
      fc.pre(schedule !== undefined);
      const problem = drawProblem(schedule, () => gen(() => time));
      const order = orderOf(problem, schedule);
      const run = createRun(problem);
      const simulation = simulate(schedule, problem.costs);
      assert.ok(Math.abs(runOrder(run, order) - simulation.makespan) < 1e-9);
      assert.deepEqual([...run.peak], simulation.peakActivations);
      const again = simulate(scheduleOf(problem, order), problem.costs);
      assert.ok(Math.abs(again.makespan - simulation.makespan) < 1e-9);
    }),
  );
});

test('the critical chain has no gap: its times sum to the makespan where messages take none', () => {
  const { schedule } = tryVariant({ name: 'zb-v' }, 4, 9);
  assert.ok(schedule !== undefined);
  const costs = { forward: [3, 1, 4, 1, 5, 9, 2, 6], backwardInput: 2, backwardWeight: 1, p2p: 0 };
  const problem = createProblem(schedule, 9, costs, undefined);
  const run = createRun(problem);
  const order = orderOf(problem, schedule);
  const makespan = runOrder(run, order);
  let sum = 0;
  visitCritical(run, order, (rank, position) => {
    sum += problem.duration[order[rank]![position]!]!;
  });
  assert.equal(sum, makespan);
});

test('an order that waits for itself, or holds too much, takes forever', () => {
  const { schedule } = tryVariant({ name: '1f1b' }, 2, 3);
  assert.ok(schedule !== undefined);
  const costs = { forward: 1, backwardInput: 1, backwardWeight: 1, p2p: 0 };
  const problem = createProblem(schedule, 3, costs, { chunks: 2, chunk: 1 });
  const order = orderOf(problem, schedule);
  assert.equal(runOrder(createRun(problem), order), 12);
  const tight = createProblem(schedule, 3, costs, { chunks: 1, chunk: 1 });
  assert.equal(runOrder(createRun(tight), order), Number.POSITIVE_INFINITY);
  const backwards = order.map((list) => list.toReversed());
  assert.equal(runOrder(createRun(problem), backwards), Number.POSITIVE_INFINITY);
});

test('memory is what simulate says: held by input and weight gradients, and by the parameters of both copies', () => {
  const { schedule } = tryVariant({ name: 'dualpipe' }, 4, 10);
  assert.ok(schedule !== undefined);
  const memory = { parameters: 5, optimizer: 2, activationsUntilInput: 3, activationsUntilWeight: 1 };
  const costs: Costs = { forward: 1, backwardInput: 1, backwardWeight: 1, p2p: 0, memory };
  const peak = Math.max(...(simulate(schedule, costs).memory?.peak ?? []));
  const makespanWithin = (amount: number) => {
    const problem = createProblem(schedule, 10, costs, { amount });
    return runOrder(createRun(problem), orderOf(problem, schedule));
  };
  assert.equal(makespanWithin(peak), simulate(schedule, costs).makespan);
  assert.equal(makespanWithin(peak - 0.5), Number.POSITIVE_INFINITY);
});
