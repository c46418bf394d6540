import type { Random } from '../../base/index.js';
import { isInputOnly, isPair, type Problem, pairSaving, pairToken } from './problem.js';

/** How far a token goes, as a rule: most moves are short, some go anywhere. */
const meanDistance = 4;

/**
 * A changed copy of a rank's list, or `undefined` where the token at `position` has no such change: it is put earlier or later, a full backward is split (its weight gradient goes later) or
 * joined again, a forward and a backward are made an overlapped pair or a pair is taken apart. Whether the result still ends is for whoever runs it to see.
 */
export function changeList(
  problem: Problem,
  list: Int32Array,
  position: number,
  random: Random,
): Int32Array | undefined {
  const token = list[position]!;
  if (isPair(problem, token)) {
    return random.uniform() < 0.3 ? splitPair(problem, list, position, random) : shift(list, position, random);
  }
  if (random.uniform() < 0.6) return shift(list, position, random);
  const { stages } = problem;
  if (token < stages) return joinPair(problem, list, position, random);
  if (token < 2 * stages) {
    if (random.uniform() < 0.5) return joinPair(problem, list, position, random);
    return splitBackward(problem, list, position, random);
  }
  return isInputOnly(problem, token) ? shift(list, position, random) : joinBackward(problem, list, position);
}

function distance(random: Random): number {
  return 1 + Math.floor(-Math.log(1 - random.uniform()) * meanDistance);
}

/** Moves a token to another place; `undefined` if that is where it is, or only like tokens lie between. */
function shift(list: Int32Array, position: number, random: Random): Int32Array | undefined {
  const isFar = random.uniform() < 0.05;
  const way = (random.uniform() < 0.5 ? -1 : 1) * distance(random);
  const target = isFar ? random.integer(list.length) : Math.min(list.length - 1, Math.max(0, position + way));
  return target === position || isUniform(list, position, target) ? undefined : moveToken(list, position, target);
}

function isUniform(list: Int32Array, from: number, to: number): boolean {
  for (let index = Math.min(from, to); index <= Math.max(from, to); index++) {
    if (list[index] !== list[from]) return false;
  }
  return true;
}

function moveToken(list: Int32Array, from: number, to: number): Int32Array {
  const changed = list.slice();
  if (to > from) changed.copyWithin(from, from + 1, to + 1);
  else changed.copyWithin(to + 1, to, from);
  changed[to] = list[from]!;
  return changed;
}

function splitBackward({ stages }: Problem, list: Int32Array, position: number, random: Random): Int32Array {
  const stage = list[position]! - stages;
  const target = Math.min(list.length, position + distance(random));
  const changed = new Int32Array(list.length + 1);
  changed.set(list.subarray(0, target));
  changed[position] = 2 * stages + stage;
  changed[target] = 3 * stages + stage;
  changed.set(list.subarray(target), target + 1);
  return changed;
}

/** Takes a weight gradient to the input gradient before it that is next. */
function joinBackward({ stages }: Problem, list: Int32Array, position: number): Int32Array | undefined {
  const stage = list[position]! - 3 * stages;
  const input = list.lastIndexOf(2 * stages + stage, position);
  if (input < 0) return undefined;
  const changed = removeAt(list, position);
  changed[input] = stages + stage;
  return changed;
}

/** Overlaps a forward or full backward with the nearest of the other kind, where that saves time. */
function joinPair(problem: Problem, list: Int32Array, position: number, random: Random): Int32Array | undefined {
  const { stages } = problem;
  const token = list[position]!;
  const isForward = token < stages;
  const way = random.uniform() < 0.5 ? -1 : 1;
  const reach = distance(random);
  for (let step = 1; step <= reach; step++) {
    const other = list[position + way * step];
    if (other === undefined) return undefined;
    if (isForward ? other < stages || other >= 2 * stages : other >= stages) continue;
    const [forward, backward] = isForward ? [token, other - stages] : [other, token - stages];
    if (pairSaving(problem, forward, backward) <= 0) return undefined;
    const partner = position + way * step;
    const [place, gone] = random.uniform() < 0.5 ? [position, partner] : [partner, position];
    const changed = list.slice();
    changed[place] = pairToken(problem, forward, backward);
    return removeAt(changed, gone);
  }
  return undefined;
}

function splitPair(problem: Problem, list: Int32Array, position: number, random: Random): Int32Array {
  const token = list[position]!;
  const parts = [problem.forwardOf[token]!, problem.stages + problem.backwardOf[token]!];
  if (random.uniform() < 0.5) parts.reverse();
  const changed = new Int32Array(list.length + 1);
  changed.set(list.subarray(0, position));
  changed.set(parts, position);
  changed.set(list.subarray(position + 1), position + 2);
  return changed;
}

function removeAt(list: Int32Array, position: number): Int32Array {
  const changed = new Int32Array(list.length - 1);
  changed.set(list.subarray(0, position));
  changed.set(list.subarray(position + 1), position);
  return changed;
}
