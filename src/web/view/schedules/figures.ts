import { formatPercent } from '../../../base/index.js';
import { formatTime } from '../../../draw/index.js';
import type { ScheduleSearchResult } from '../../../plan/index.js';
import type { IdleByCause } from '../../../simulate/index.js';
import type { SchedulePicture } from './picture.js';

/** Why ranks compute nothing, in the order in which it is shown, in words. */
const idleCauses: readonly { readonly cause: keyof IdleByCause; readonly words: string }[] = [
  { cause: 'warmUp', words: 'warm-up' },
  { cause: 'waiting', words: 'waiting for a peer' },
  { cause: 'exposedCommunication', words: 'exposed communication' },
  { cause: 'coolDown', words: 'cool-down' },
];

/** A part of the time of all ranks. */
export interface TimeShare {
  readonly cause: keyof IdleByCause | 'busy';
  readonly words: string;
  /** Of makespan x ranks, from 0 to 1; all together 1. */
  readonly share: number;
}

/** Where the time of all ranks goes: computing, and idle by cause. */
export function shareTime({ simulation }: SchedulePicture): TimeShare[] {
  const { makespan, busy, idleByCause } = simulation;
  const whole = makespan * busy.length;
  const shareOf = (times: readonly number[]) => (whole === 0 ? 0 : times.reduce((sum, time) => sum + time, 0) / whole);
  return [
    { cause: 'busy', words: 'computing', share: shareOf(busy) },
    ...idleCauses.map(({ cause, words }) => ({ cause, words, share: shareOf(idleByCause[cause]) })),
  ];
}

/** A number of activations, for people: `8.5`. */
export function formatActivations(activations: number): string {
  return String(Number(activations.toPrecision(3)));
}

/** What sets the first schedule apart from the second, in sentences. */
export function describeDifference(first: SchedulePicture, second: SchedulePicture): string {
  const [one, other] = nameBoth(first, second);
  const gain = second.simulation.makespan === 0 ? 0 : 1 - first.simulation.makespan / second.simulation.makespan;
  const isAsLong = Math.abs(gain) < 0.0005;
  const time = isAsLong
    ? `${one} takes as long as ${other}`
    : `${one} ends ${formatPercent(Math.abs(gain))} ${gain > 0 ? 'earlier' : 'later'} than ${other}`;
  const held = Math.max(...first.peakActivations) / Math.max(...second.peakActivations);
  const isAsMuch = Math.abs(held - 1) < 0.005;
  // Two halves of a sentence that say opposite things are joined by "but".
  const joint = !isAsLong && !isAsMuch && gain > 0 === held > 1 ? 'but' : 'and';
  const memory = isAsMuch ? 'as many activations' : `${held.toFixed(2)} times the activations`;
  const copies = [first, second].flatMap(({ schedule }, place) =>
    schedule.pipelines.length > 1 ? [` ${place === 0 ? one : other} holds the parameters twice.`] : [],
  );
  return `${time}, ${joint} its fullest rank holds ${memory}.${copies.length === 1 ? copies[0] : ''}`;
}

/** What a searched schedule was made from, and how much less there can be. */
export function describeSearch({
  placement,
  start,
  bound,
}: Pick<ScheduleSearchResult, 'placement' | 'start' | 'bound'>): string {
  const layout = `${placement.charAt(0).toUpperCase()}${placement.slice(1)}`;
  return `${layout}; made from ${start.name}, which takes ${formatTime(start.makespan)}. No order on any placement that was tried takes less than ${formatTime(bound)}.`;
}

function nameBoth(first: SchedulePicture, second: SchedulePicture): [string, string] {
  return first.name === second.name ? ['The first', 'the second'] : [first.name, second.name];
}
