import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkSchedule } from '../../schedule/index.js';
import { simulate } from '../../simulate/index.js';
import { createRun, runOrder } from './evaluate.js';
import { listSchedule } from './list-schedule.js';
import { scheduleOf } from './orders.js';
import { placementNames, placeStages } from './placement.js';
import { createProblem } from './problem.js';
import { listRules } from './rules.js';

const cases = fc.record({
  placement: fc.constantFrom(...placementNames),
  ranks: fc.integer({ min: 1, max: 5 }),
  microbatches: fc.integer({ min: 1, max: 9 }),
  rule: fc.constantFrom(...listRules(4, true)),
  forward: fc.integer({ min: 1, max: 9 }),
  weight: fc.integer({ min: 0, max: 9 }),
  overlapped: fc.integer({ min: 5, max: 20 }),
  p2p: fc.constantFrom(0, 0.5),
  spare: fc.constantFrom(0, 1, 2.5, Number.POSITIVE_INFINITY),
});

test('every rule ends with a schedule that checks and keeps within any cap with room for one microbatch', () => {
  fc.assert(
    fc.property(cases, ({ placement: name, ranks, microbatches, rule, spare, forward, weight, overlapped, p2p }) => {
      const placement = placeStages(name, ranks);
      fc.pre(placement !== undefined && microbatches % placement.pipelines.length === 0);
      const chunks = placement.stageToRank.length / ranks + spare;
      const costs = { forward, backwardInput: 4, backwardWeight: weight, overlapped, p2p };
      const problem = createProblem(placement, microbatches, costs, { chunks, chunk: 1 });
      const order = listSchedule(problem, rule);
      assert.ok(order !== undefined);
      const schedule = scheduleOf(problem, order);
      assert.deepEqual(checkSchedule(schedule), []);
      const { makespan, peakActivations } = simulate(schedule, costs);
      assert.ok(Math.max(...peakActivations) <= chunks);
      assert.ok(Math.abs(runOrder(createRun(problem), order) - makespan) < 1e-9);
    }),
  );
});
