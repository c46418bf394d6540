import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatRoute, parseRoute } from '../route.js';
import { fitPair } from './costs.js';
import { findSchedulesRefusals, readSchedulesState, schedulesRoute } from './route.js';
import { defaultSchedulesState, type SchedulesState, scheduleChoices } from './state.js';

/** What the view shows of a state after it went through an address. */
function throughAddress(state: SchedulesState): SchedulesState {
  return readSchedulesState(
    parseRoute(formatRoute({ view: 'schedules', parameters: schedulesRoute(state) })).parameters,
  );
}

const time = fc.integer({ min: 0, max: 9_999_999 }).map((number) => number / 1000);
const shareTimes = fc
  .record({
    kind: fc.constant('share' as const),
    forward: time,
    backwardInput: time,
    backwardWeight: time,
    overlapped: fc.integer({ min: 50, max: 120 }).map((percent) => percent / 100),
    p2p: time,
  })
  .map(fitPair);
const stageTimes = fc.integer({ min: 1, max: 24 }).chain((stages) => {
  const list = fc.array(time, { minLength: stages, maxLength: stages });
  return fc.record(
    {
      kind: fc.constant('stages' as const),
      forward: list,
      backwardInput: list,
      backwardWeight: list,
      overlapped: list,
      p2p: time,
    },
    { requiredKeys: ['kind', 'forward', 'backwardInput', 'backwardWeight', 'p2p'] },
  );
});
const chosen = fc
  .record({ name: fc.constantFrom(...scheduleChoices), stagesPerRank: fc.integer({ min: 1, max: 16 }) })
  .map(({ name, stagesPerRank }) => ({ name, stagesPerRank: name === 'interleaved' ? stagesPerRank : 2 }));
const someState: fc.Arbitrary<SchedulesState> = fc.record({
  first: chosen,
  second: fc.option(chosen, { nil: undefined }),
  ranks: fc.integer({ min: 1, max: 512 }),
  microbatches: fc.integer({ min: 1, max: 4096 }),
  times: fc.oneof(shareTimes, stageTimes),
  rank: fc.integer({ min: 0, max: 511 }),
  isSameScale: fc.boolean(),
  isBeside: fc.boolean(),
  window: fc.option(
    fc.tuple(time, time).map(([from, length]) => ({ from, to: Number((from + length + 0.5).toPrecision(7)) })),
    { nil: undefined },
  ),
});

describe('the address of the view Schedules', () => {
  it('says all of what is shown', () => {
    fc.assert(
      fc.property(someState, (state) =>
        assert.deepEqual(throughAddress(state), { ...state, times: { ...state.times } }),
      ),
    );
  });

  it("takes names in any case, and PyTorch's", () => {
    const { first, second } = readSchedulesState({ schedule: 'ZBVZeroBubble', other: 'Auto' });
    assert.deepEqual([first.name, second?.name], ['zb-v', 'auto']);
  });

  it('is legible', () => {
    const text = formatRoute({ view: 'schedules', parameters: schedulesRoute(defaultSchedulesState) });
    assert.equal(
      text,
      '#/schedules?backwardInput=1&backwardWeight=1&forward=1&microbatches=20&other=1f1b&overlapped=0.75&p2p=0.1&ranks=8&schedule=dualpipev',
    );
  });

  it('takes times of each stage, in seconds, as a plan has them', () => {
    const lists = { forward: '0.012,0.013', backwardInput: '0.02,0.021', backwardWeight: '0.01,0.01' };
    const { times, second } = readSchedulesState({ schedule: 'dualpipev', other: 'none', times: 'stages', ...lists });
    assert.deepEqual(times, {
      kind: 'stages',
      forward: [0.012, 0.013],
      backwardInput: [0.02, 0.021],
      backwardWeight: [0.01, 0.01],
      p2p: 0,
    });
    assert.equal(second, undefined);
  });

  it('keeps what is right of a bad one, and has the defaults for the rest', () => {
    const bad = {
      schedule: 'nothing',
      ranks: '-3',
      microbatches: '1e99',
      stages: 'x',
      times: 'stages',
      forward: '1,2',
      backwardInput: '1',
      backwardWeight: '1,NaN',
      overlapped: '7',
      p2p: '0.5',
      rank: '0.5',
      from: '5',
      to: '4',
    };
    const { times, ...rest } = defaultSchedulesState;
    assert.deepEqual(readSchedulesState(bad), { ...rest, times: { ...times, p2p: 0.5 } });
    assert.deepEqual(readSchedulesState({}), defaultSchedulesState);
  });
});

describe('an address of the view Schedules that is wrong', () => {
  it('names what means nothing, and what is shown in its place', () => {
    const say = (parameters: Record<string, string>) =>
      findSchedulesRefusals(parameters).map(({ name, value, words }) => `${name}=${value} ${words}`);
    assert.deepEqual(say({ ranks: 'banana', rank: '1', colour: 'red', from: '1', to: '2', overlapped: '0.67' }), [
      'colour=red is nothing that this view knows',
      'ranks=banana is no whole number from 1 to 512: 8 is shown',
    ]);
    assert.deepEqual(say({ overlapped: '0.6' }), ['overlapped=0.6 is no number from 0.67 to 1.2: 0.75 is shown']);
    assert.deepEqual(say({ overlapped: '0.6', forward: '4' }), [
      'overlapped=0.6 is no number from 0.67 to 1.2: 0.75 is shown',
    ]);
    assert.deepEqual(say({ overlapped: '0.6', forward: '2' }), []);
    const [schedule] = say({ schedule: 'foo' });
    assert.match(schedule ?? '', /^schedule=foo is none of gpipe, .*auto: dualpipev is shown$/);
    assert.deepEqual(say({ layout: 'wide', to: '3' }), [
      'layout=wide is not beside: it is left out',
      'to=3 is no part of the time: all of it is shown',
    ]);
    assert.match(say({ times: 'stages', forward: '1,2' }).join(), /^times=stages needs lists/);
  });

  it('has nothing to say against an address of its own', () => {
    fc.assert(
      fc.property(someState, (state) => {
        const { parameters } = parseRoute(formatRoute({ view: 'schedules', parameters: schedulesRoute(state) }));
        assert.deepEqual(findSchedulesRefusals(parameters), []);
      }),
    );
  });

  it('bounds lists before they are used', () => {
    const long = new Array(2000).fill('1').join(',');
    const lists = { times: 'stages', forward: long, backwardInput: long, backwardWeight: long };
    assert.equal(readSchedulesState(lists).times.kind, 'share');
  });

  it('of a state without a choice that an earlier address had, takes that away', () => {
    const zoomed = schedulesRoute({
      ...defaultSchedulesState,
      window: { from: 1, to: 2 },
      isSameScale: false,
      isBeside: true,
      rank: 3,
    });
    const back = { ...zoomed, ...schedulesRoute(defaultSchedulesState) };
    assert.deepEqual(readSchedulesState(back), defaultSchedulesState);
  });
});
