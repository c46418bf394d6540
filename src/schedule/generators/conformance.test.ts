import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../base/index.js';
import { type ScheduleName, scheduleNames } from '../../config/index.js';
import { chunkActions } from '../action.js';
import { checkSchedule } from '../check.js';
import type { Schedule } from '../schedule.js';
import { generateSchedule, isWithinLimits, type ScheduleRequest } from './generate.js';

type Counts = Required<Omit<ScheduleRequest, 'name'>>;

/** The most stage-chunks that a rank has alive, as published: from a chunk's forward to its weight gradient. */
const mostAlive: Readonly<Record<ScheduleName, (counts: Counts) => number>> = {
  gpipe: ({ microbatches }) => microbatches,
  '1f1b': ({ ranks, microbatches }) => Math.min(ranks, microbatches),
  interleaved: ({ ranks, microbatches, stagesPerRank }) => {
    const perRound = microbatches / Math.max(1, Math.floor(microbatches / ranks));
    return Math.min(stagesPerRank * microbatches, (stagesPerRank - 1) * perRound + 2 * (ranks - 1) + 1);
  },
  'zb-h1': ({ ranks, microbatches }) => Math.min(ranks, microbatches),
  'zb-v': ({ ranks, microbatches }) => Math.min(2 * ranks, 2 * microbatches),
  dualpipe: ({ ranks }) => ranks + 1,
  dualpipev: ({ ranks }) => 2 * ranks + 1,
};

/** Most chunks alive at a time on any rank; of an overlapped pair the forward comes first. */
function peakAlive({ actions }: Schedule): number {
  const peaks = actions.map((list) => {
    let alive = 0;
    let peak = 0;
    for (const { kind } of list.flatMap(chunkActions)) {
      if (kind === 'forward') peak = Math.max(peak, ++alive);
      if (kind === 'backward' || kind === 'backwardWeight') alive--;
    }
    return peak;
  });
  return Math.max(...peaks);
}

/** Numbers of stages a rank to ask for: of `interleaved` several, of the others their own. */
function stageCounts(name: ScheduleName): number[] {
  if (name === 'interleaved') return [1, 2, 3, 4];
  return ['zb-v', 'dualpipe', 'dualpipev'].includes(name) ? [2] : [1];
}

function requests(name: ScheduleName, mostRanks: number, mostMicrobatches: number): (Counts & { name: string })[] {
  const counts = (most: number) => Array.from({ length: most }, (_, index) => index + 1);
  return counts(mostRanks).flatMap((ranks) =>
    counts(mostMicrobatches).flatMap((microbatches) =>
      stageCounts(name).map((stagesPerRank) => ({ name, ranks, microbatches, stagesPerRank })),
    ),
  );
}

function conform(request: Counts & { name: string }): void {
  const schedule = generateSchedule(request);
  const text = JSON.stringify(request);
  assert.deepEqual(checkSchedule(schedule), [], text);
  assert.equal(schedule.stageToRank.length, request.ranks * request.stagesPerRank, text);
  const most = mostAlive[request.name as ScheduleName](request);
  assert.ok(peakAlive(schedule) <= most, `${text}: ${peakAlive(schedule)} chunks alive, at most ${most}`);
}

for (const name of scheduleNames) {
  test(`${name} passes every rule and keeps to its activations, for all small counts within its limits`, () => {
    const allowed = requests(name, 8, 20).filter(isWithinLimits);
    assert.ok(allowed.length >= 20);
    for (const request of allowed) conform(request);
  });
}

test('whatever the counts, a schedule passes every rule or its refusal names counts that it takes', () => {
  const request = fc.record({
    name: fc.constantFrom(...scheduleNames),
    ranks: fc.integer({ min: 1, max: 24 }),
    microbatches: fc.integer({ min: 1, max: 80 }),
    stagesPerRank: fc.integer({ min: 1, max: 4 }),
  });
  fc.assert(
    fc.property(request, (asked) => {
      if (isWithinLimits(asked)) return conform(asked);
      const refusal = refusalOf(asked);
      const [, key, values = ''] = /\((ranks|microbatches|stages per rank) \d+\): use ([\d or]+)/.exec(refusal) ?? [];
      const counts = values.match(/\d+/g)?.map(Number) ?? [];
      assert.ok(counts.length >= 1, refusal);
      for (const count of counts) {
        const field = key === 'stages per rank' ? 'stagesPerRank' : (key as 'ranks' | 'microbatches');
        const mended = { ...asked, [field]: count };
        const next = isWithinLimits(mended) ? '' : refusalOf(mended);
        assert.ok(!next.includes(`(${key} `), `${refusal}, then ${next}`);
      }
    }),
  );
});

function refusalOf(request: ScheduleRequest): string {
  try {
    generateSchedule(request);
  } catch (error) {
    if (error instanceof InputError) return error.message;
    throw error;
  }
  return '';
}
