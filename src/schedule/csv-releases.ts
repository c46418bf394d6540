import { InputError } from '../base/index.js';
import { type Action, chunkActions, formatAction, olderLetters } from './action.js';

/** `[rank][position]` */
type Lists = readonly (readonly Action[])[];

/**
 * A file that splits a backward and has no gradient of inputs by that name has it by the older one. Throws
 * `InputError`.
 */
export function refuseOlderLetters(actions: Lists, file: string): void {
  if (actions.some((list) => list.some(({ kind }) => kind === 'backwardInput'))) return;
  for (const [rank, list] of actions.entries()) {
    const weight = list.find(({ kind }) => kind === 'backwardWeight');
    if (weight === undefined) continue;
    throw new InputError({
      what: `${formatAction(weight)} is the gradient of weights, and no action of the file that of inputs (I)`,
      where: `${file}, row ${rank + 1}`,
      mend: `a W without an I is from ${olderLetters}`,
    });
  }
}

/** What `numberFromZero` makes of a file. */
interface Numbered {
  readonly actions: Lists;
  readonly notes: readonly string[];
}

/**
 * PyTorch's own order of 1F1B numbers the forwards of the last rank from 1 and its backwards from 0: a rank with one
 * stage, whose forwards are 1 to M where all backwards are 0 to M - 1, is read from 0.
 */
export function numberFromZero(actions: Lists, file: string): Numbered {
  const microbatches = countBackwards(actions);
  const shifted = actions.flatMap((list, rank) => (hasForwardsFromOne(list, microbatches) ? [rank] : []));
  if (shifted.length === 0) return { actions, notes: [] };
  const shift = (action: Action): Action =>
    action.kind === 'forward' ? { ...action, microbatch: action.microbatch - 1 } : action;
  const rows = shifted.map((rank) => rank + 1).join(', ');
  return {
    actions: actions.map((list, rank) => (shifted.includes(rank) ? list.map(shift) : list)),
    notes: [
      `${file}, row ${rows} numbers its forwards from 1 and its backwards from 0, as PyTorch's Schedule1F1B writes ` +
        'its last rank: both are read from 0',
    ],
  };
}

/** One more than the largest number of a whole backward's microbatch. */
function countBackwards(actions: Lists): number {
  let count = 0;
  for (const list of actions) {
    for (const action of list) if (action.kind === 'backward') count = Math.max(count, action.microbatch + 1);
  }
  return count;
}

function hasForwardsFromOne(list: readonly Action[], microbatches: number): boolean {
  let forwards = 0;
  const stages = new Set<number>();
  for (const action of list) {
    if (action.kind === 'overlap' || stages.add(action.stage).size > 1) return false;
    if (action.kind === 'forward' && action.microbatch !== ++forwards) return false;
  }
  return forwards > 0 && forwards === microbatches;
}

/** One more than the largest number of a microbatch. */
export function countMicrobatches(actions: Lists): number {
  let last = 0;
  for (const list of actions) {
    for (const action of list) {
      const chunks = action.kind === 'overlap' ? chunkActions(action) : [action];
      for (const { microbatch } of chunks) last = Math.max(last, microbatch);
    }
  }
  return last + 1;
}
