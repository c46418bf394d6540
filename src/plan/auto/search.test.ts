import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkSchedule, scheduleNames } from '../../schedule/index.js';
import { type Costs, simulate } from '../../simulate/index.js';
import { type ScheduleSearchRequest, type ScheduleSearchResult, searchSchedule } from './search.js';

const unit: Costs = { forward: 1, backwardInput: 1, backwardWeight: 1, p2p: 0 };

/** An embedding and dense layers in the first of 8 stages, the head in the last; attention makes input gradients take longer than weights'. */
const uneven: Costs = {
  forward: [0.9, 1, 1, 1, 1, 1, 1, 1.4],
  backwardInput: [1.1, 1.3, 1.3, 1.3, 1.3, 1.3, 1.3, 1.7],
  backwardWeight: [0.6, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 1.1],
  p2p: 0.1,
};

function makespans({ named }: ScheduleSearchResult): number[] {
  return named.flatMap(({ makespan }) => makespan ?? []);
}

test('it is never worse than any named schedule, checks, and keeps within its cap', () => {
  const time = fc.integer({ min: 0, max: 12 });
  const requests = fc.record({
    ranks: fc.integer({ min: 1, max: 4 }),
    microbatches: fc.integer({ min: 1, max: 9 }),
    costs: fc.record({
      forward: time,
      backwardInput: time,
      backwardWeight: time,
      overlapped: fc.integer({ min: 0, max: 36 }),
      p2p: fc.constantFrom(0, 1),
    }),
    activationCap: fc.integer({ min: 2, max: 9 }),
  });
  fc.assert(
    fc.property(requests, (request: ScheduleSearchRequest) => {
      const result = searchSchedule({ ...request, iterations: 60 });
      assert.deepEqual(checkSchedule(result.schedule), []);
      const { makespan, peakActivations } = simulate(result.schedule, result.costs);
      assert.equal(result.makespan, makespan);
      for (const other of makespans(result)) assert.ok(makespan <= other * (1 + 1e-9) + 1e-9);
      assert.ok(makespan >= result.bound * (1 - 1e-9) - 1e-9);
      const stages = (result.schedule.pipelines[0] as readonly number[]).length;
      const chunk = request.ranks / stages;
      assert.ok(Math.max(...peakActivations) * chunk <= (request.activationCap ?? 0) + 1e-9);
    }),
    { numRuns: 25 },
  );
});

test('with an uneven first and last stage it beats every named schedule', () => {
  const { makespan, bestNamed, named } = searchSchedule({ ranks: 4, microbatches: 8, costs: uneven });
  assert.ok(bestNamed !== undefined);
  assert.deepEqual([bestNamed.name, Number(bestNamed.makespan.toFixed(6))], ['zb-v', 58.1]);
  assert.ok(makespan < 0.96 * bestNamed.makespan, `${makespan}`);
  const timed = named.filter((row) => row.makespan !== undefined).map(({ name }) => name);
  assert.deepEqual(timed, ['interleaved', 'zb-v', 'dualpipev']);
});

test('with a cap that keeps DualPipe out it overlaps within it, and beats every named schedule', () => {
  const costs = { ...unit, overlapped: 2.5, p2p: 0.05 };
  const { makespan, bestNamed, schedule } = searchSchedule({ ranks: 4, microbatches: 12, costs, activationCap: 4 });
  assert.deepEqual([bestNamed?.name, Number(bestNamed?.makespan.toFixed(6))], ['zb-v', 38.15]);
  assert.ok(makespan < 36.25, `${makespan} is not below what DualPipeV takes with more memory`);
  assert.ok(schedule.actions.some((actions) => actions.some(({ kind }) => kind === 'overlap')));
});

test('with a cap below all named schedules it finds one, and says so where there is none', () => {
  const request = { ranks: 4, microbatches: 8, costs: unit, iterations: 500 };
  const result = searchSchedule({ ...request, activationCap: 3 });
  assert.equal(result.bestNamed, undefined);
  assert.deepEqual(
    result.named.map(({ name }) => name).filter((name, index, all) => all.indexOf(name) === index),
    scheduleNames,
  );
  assert.throws(() => searchSchedule({ ...request, activationCap: 0.5 }), /keeps within 0\.5: allow at least 1$/);
});

test('the same request gives the same schedule', () => {
  const request = { ranks: 3, microbatches: 6, costs: { ...unit, forward: 2, p2p: 0.3 }, iterations: 2000, seed: 5 };
  assert.deepEqual(searchSchedule(request).schedule, searchSchedule(request).schedule);
});

test('a list keeps the number of stages; a number is of a rank, however it is cut', () => {
  const list = searchSchedule({ ranks: 4, microbatches: 8, costs: { ...unit, forward: [1, 1, 1, 1] }, iterations: 0 });
  assert.equal(list.schedule.pipelines[0]?.length, 4);
  for (const placements of [['one'], ['v'], ['looped4']] as const) {
    const { schedule, costs } = searchSchedule({ ranks: 4, microbatches: 8, costs: unit, placements, iterations: 0 });
    const { busy } = simulate(schedule, costs);
    assert.deepEqual(busy, [24, 24, 24, 24]);
  }
});

test('a memory cap counts the parameters of both copies of the model', () => {
  const memory = { parameters: 10, activationsUntilWeight: 1 };
  const request = { ranks: 4, microbatches: 8, costs: { ...unit, memory }, iterations: 0 };
  const within = (memoryCap: number) => searchSchedule({ ...request, memoryCap });
  assert.ok(within(29).named.some(({ name, makespan }) => name === 'dualpipe' && makespan !== undefined));
  const tight = within(19);
  assert.match(tight.named.find(({ name }) => name === 'dualpipe')?.refusal ?? '', /needs a memory of 25/);
  const peak = simulate(tight.schedule, tight.costs).memory?.peak ?? [];
  assert.ok(Math.max(...peak) <= 19);
});

test('what does not fit together is refused', () => {
  const request = { ranks: 4, microbatches: 8, costs: unit };
  const refusals: [Partial<ScheduleSearchRequest>, RegExp][] = [
    [{ ranks: 0 }, /ranks cannot be 0/],
    [{ ranks: 4097, microbatches: 1 }, /ranks cannot be 4097: use a whole number from 1 to 4096/],
    [{ ranks: 3, placements: ['dual'] }, /dual cannot be searched on 3 ranks with 8 microbatches.*even/],
    [{ ranks: 1, placements: ['looped2'] }, /looped2 cannot be searched on 1 rank.*two ranks/],
    [{ microbatches: 1e9 }, /microbatches cannot be 1000000000/],
    [{ ranks: 256, microbatches: 4096 }, /cannot search 256 ranks x 4096 microbatches.*at most 128/],
    [{ costs: { ...unit, forward: [1, 2, 3] } }, /costs of 3 stages do not divide over 4 ranks.*multiple of 4/],
    [{ costs: { ...unit, forward: -1 } }, /forward cannot be -/],
    [{ activationCap: 0 }, /cap of 0 leaves no room/],
    [{ memoryCap: 5 }, /needs costs with memory/],
    [{ memoryCap: 5, activationCap: 5 }, /given together/],
    [{ iterations: -1 }, /iterations cannot be -1/],
  ];
  for (const [change, message] of refusals) assert.throws(() => searchSchedule({ ...request, ...change }), message);
});
