import type { Schedule } from './schedule.js';

/** `dualpipev: 4 ranks, 8 stages, 10 microbatches`. */
export function describeSchedule({ name, ranks, stageToRank, microbatches }: Omit<Schedule, 'actions'>): string {
  const count = (value: number, word: string) => `${value} ${word}${value === 1 ? '' : 's'}`;
  const microbatchWord = microbatches === 1 ? 'microbatch' : 'microbatches';
  return `${name}: ${count(ranks, 'rank')}, ${count(stageToRank.length, 'stage')}, ${microbatches} ${microbatchWord}`;
}
