import type { Rule } from './list-schedule.js';

/**
 * The rules that a search tries, best first in experience, so that a search that has no time for all has seen each kind. `passage` is the number of ranks that a
 * microbatch passes on its way: what has to be alive to keep them all at work.
 */
export function listRules(passage: number, hasPairs: boolean): Rule[] {
  const aliveChoices = [1, 1.5, 2, 0.5, 0.75, 3].map((share) => Math.max(1, share * passage));
  const rules: Rule[] = [];
  for (const pairs of hasPairs ? [true, false] : [false]) {
    for (const alive of [Number.POSITIVE_INFINITY, ...aliveChoices]) {
      for (const prefer of ['backward', 'forward', 'alternate'] as const) {
        for (const furthest of [true, false]) {
          for (const { weights, patience } of weightChoices) {
            rules.push({ prefer, weights, furthest, alive, patience, pairs });
          }
        }
      }
    }
  }
  // A stride that shares no factor with the count visits each once, and every choice early.
  return rules.map((_, index) => rules[(index * 37) % rules.length]!);
}

const weightChoices = [
  { weights: 'apart', patience: 0 },
  { weights: 'joinedUntilLast', patience: 0 },
  { weights: 'apart', patience: 0.5 },
  { weights: 'apart', patience: 1 },
  { weights: 'joined', patience: 0 },
] as const;
