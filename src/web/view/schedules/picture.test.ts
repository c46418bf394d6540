import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatPercent } from '../../../base/index.js';
import { generateSchedule } from '../../../schedule/index.js';
import { describeDifference, describeSearch, formatActivations, shareTime } from './figures.js';
import { activationCurve, countChunks, type SchedulePicture, tryPicture } from './picture.js';
import { type ChosenSchedule, defaultSchedulesState, type ScheduleChoice, type StageTimes } from './state.js';

const { times } = defaultSchedulesState;
const counts = { ranks: 4, microbatches: 12 };
const choose = (name: ScheduleChoice): ChosenSchedule => ({ name, stagesPerRank: 2 });

function pictureOf(name: ScheduleChoice, own: typeof times = times): SchedulePicture {
  const { picture, problem } = tryPicture({ chosen: choose(name), counts }, own);
  assert.ok(picture !== undefined, problem?.what);
  return picture;
}

describe('a picture of a schedule', () => {
  it('counts activations in shares of the model, so that schedules with one and two stages a rank compare', () => {
    assert.deepEqual(pictureOf('1f1b').peakActivations, [4, 3, 2, 1]);
    const dualpipev = pictureOf('dualpipev');
    assert.deepEqual(
      dualpipev.peakActivations,
      dualpipev.simulation.peakActivations.map((chunks) => chunks / 2),
    );
    const dualpipe = pictureOf('dualpipe');
    assert.deepEqual(dualpipe.peakActivations, dualpipe.simulation.peakActivations);
  });

  it('has a curve of each rank whose highest value is its peak', () => {
    for (const picture of [pictureOf('zb-v'), pictureOf('dualpipe'), pictureOf('interleaved')]) {
      for (const [rank, peak] of picture.peakActivations.entries())
        assert.equal(Math.max(...activationCurve(picture, rank).amount), peak);
    }
  });

  it('of times of each stage is in seconds', () => {
    const list = new Array(8).fill(0.01);
    const stages: StageTimes = { kind: 'stages', forward: list, backwardInput: list, backwardWeight: list, p2p: 0 };
    const { picture } = tryPicture({ chosen: choose('dualpipev'), counts }, stages);
    assert.equal(picture?.indexed.unit, 'seconds');
  });

  it('of a schedule that is given takes its ranks, or the costs that come with it', () => {
    const schedule = generateSchedule({ name: 'gpipe', ranks: 2, microbatches: 2 });
    assert.equal(tryPicture({ schedule }, times).picture?.simulation.busy[0], 6);
    const costs = { forward: 2, backwardInput: 0, backwardWeight: 0, p2p: 0 };
    assert.equal(tryPicture({ schedule, costs }, times).picture?.simulation.busy[0], 4);
  });

  it('is none where counts do not fit: the problem says what does', () => {
    const { problem } = tryPicture({ chosen: choose('dualpipe'), counts: { ranks: 3, microbatches: 12 } }, times);
    assert.equal(problem?.mend, 'use 2 or 4');
  });

  it('is none of more than a browser shows, before that is made', () => {
    const large = { ranks: 512, microbatches: 4096 };
    assert.equal(countChunks({ name: 'interleaved', stagesPerRank: 16 }, large), 512 * 4096 * 16);
    const { problem } = tryPicture({ chosen: choose('1f1b'), counts: large }, times);
    assert.match(problem?.what ?? '', /too many for the page/);
  });
});

describe('where the time goes', () => {
  it('is all of the time, computing and idle by cause', () => {
    for (const name of ['1f1b', 'dualpipev', 'zb-h1'] as const) {
      const picture = pictureOf(name);
      const [busy, ...causes] = shareTime(picture);
      const idle = causes.reduce((sum, { share }) => sum + share, 0);
      assert.ok(Math.abs(idle - picture.simulation.bubble) < 1e-9);
      assert.ok(Math.abs((busy?.share ?? 0) + idle - 1) < 1e-9);
    }
  });

  it('is nothing where nothing takes time', () => {
    const none = { ...times, forward: 0, backwardInput: 0, backwardWeight: 0, p2p: 0 };
    assert.deepEqual(
      shareTime(pictureOf('1f1b', none)).map(({ share }) => share),
      [0, 0, 0, 0, 0],
    );
  });
});

describe('what sets two schedules apart', () => {
  it('is who ends earlier, what it costs, and whether the parameters are held twice', () => {
    const [dualpipe, oneFOneB] = [pictureOf('dualpipe'), pictureOf('1f1b')];
    const gain = formatPercent(1 - dualpipe.simulation.makespan / oneFOneB.simulation.makespan);
    assert.equal(
      describeDifference(dualpipe, oneFOneB),
      `dualpipe ends ${gain} earlier than 1f1b, but its fullest rank holds 1.25 times the activations. dualpipe holds the parameters twice.`,
    );
    assert.match(describeDifference(oneFOneB, dualpipe), /^1f1b ends .*% later than dualpipe, but .* 0\.80 times/);
  });

  it('is nothing between a schedule and itself', () => {
    const picture = pictureOf('dualpipe');
    assert.equal(
      describeDifference(picture, picture),
      'The first takes as long as the second, and its fullest rank holds as many activations.',
    );
  });

  it('joins by "and" what does not point both ways', () => {
    const quiet = { ...times, p2p: 0 };
    assert.equal(
      describeDifference(pictureOf('gpipe', quiet), pictureOf('1f1b', quiet)),
      'gpipe takes as long as 1f1b, and its fullest rank holds 3.00 times the activations.',
    );
    const slow = pictureOf('dualpipev', { ...times, overlapped: 1.2 });
    assert.match(describeDifference(slow, pictureOf('dualpipev')), /later than the second, and .* as many activations/);
  });
});

it('figures and searches are written for people', () => {
  assert.equal(formatActivations(8.500001), '8.5');
  assert.equal(
    describeSearch({ placement: 'one stage a rank', start: { name: 'zb-h1', makespan: 12.5 }, bound: 11 }),
    'One stage a rank; made from zb-h1, which takes 12.5. No order on any placement that was tried takes less than 11.',
  );
});
