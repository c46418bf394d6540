import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { generateSchedule, scheduleNames } from '../../../schedule/index.js';
import { simulate } from '../../../simulate/index.js';
import { fitPair, leastPair, modelCosts, plainTimes, stageCosts, sumOfParts } from './costs.js';
import { defaultSchedulesState, type StageTimes } from './state.js';

const share = { ...defaultSchedulesState.times, overlapped: 1, p2p: 0 };
const schedules = scheduleNames.map((name) => generateSchedule({ name, ranks: 4, microbatches: 8 }));

describe('times of one rank’s share of the model', () => {
  it('are the same work for every schedule, however it cuts the model', () => {
    for (const schedule of schedules) {
      const { busy } = simulate(schedule, stageCosts(share, schedule));
      assert.deepEqual(busy, [24, 24, 24, 24], schedule.name);
    }
  });

  it('give an overlapped pair a part of the sum of its parts', () => {
    assert.equal(sumOfParts(share), 3);
    assert.equal(modelCosts({ ...share, overlapped: 0.5 }).overlapped, 1.5);
    const [dualpipev] = schedules.filter(({ name }) => name === 'dualpipev');
    assert.equal(stageCosts({ ...share, overlapped: 0.5 }, dualpipev!).overlapped, 0.75);
  });

  it('give an overlapped pair no less than its longer half', () => {
    const parts = (forward: number, backwardInput: number, backwardWeight: number) => ({
      ...share,
      ...{ forward, backwardInput, backwardWeight, overlapped: 0.5 },
    });
    assert.equal(leastPair(parts(0.3, 0.1, 0.2)), 0.5);
    assert.equal(leastPair(parts(1, 1, 1)), 0.67);
    assert.equal(leastPair(parts(2, 0, 0)), 1);
    assert.equal(leastPair(parts(0, 0, 0)), 0.5);
    assert.equal(fitPair(parts(3, 1, 0)).overlapped, 0.75);
    assert.equal(fitPair(share).overlapped, share.overlapped);
  });
});

const stages: StageTimes = {
  kind: 'stages',
  forward: [1, 2, 3, 4, 5, 6, 7, 8],
  backwardInput: new Array(8).fill(2),
  backwardWeight: new Array(8).fill(1),
  p2p: 0.5,
};

describe('times of each stage', () => {
  it('are those of a schedule with as many stages, and of runs of them with fewer', () => {
    const costsOf = (name: string) => stageCosts(stages, schedules.find((schedule) => schedule.name === name)!);
    assert.deepEqual(costsOf('dualpipev').forward, stages.forward);
    assert.deepEqual(costsOf('1f1b').forward, [3, 7, 11, 15]);
    assert.deepEqual(costsOf('dualpipe').forward, [3, 7, 11, 15, 3, 7, 11, 15]);
  });

  it('that do not divide into the stages of a schedule are refused', () => {
    const schedule = generateSchedule({ name: '1f1b', ranks: 3, microbatches: 3 });
    assert.throws(() => stageCosts(stages, schedule), /8 stages of the costs do not divide into 3/);
  });

  it('become sliders that are in proportion to them', () => {
    const pairs = { ...stages, overlapped: stages.forward.map((time) => (time + 3) * 0.75) };
    const expected = { kind: 'share', forward: 1, backwardInput: 0.444, backwardWeight: 0.222, p2p: 0.111 };
    assert.deepEqual(plainTimes(pairs), { ...expected, overlapped: 0.75 });
    assert.deepEqual(plainTimes(stages), { ...expected, overlapped: 1 });
    assert.equal(plainTimes({ ...pairs, overlapped: new Array(8).fill(0) }).overlapped, 0.61);
    const still = { ...stages, forward: new Array(8).fill(0) };
    assert.deepEqual(plainTimes(still), defaultSchedulesState.times);
  });
});
