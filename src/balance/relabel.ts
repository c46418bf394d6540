import { munkres } from 'munkres';
import type { Machine } from './machine.js';

/** One layer's experts in the machine's slots, `[slots]`; -1 is empty. */
type Row = Int32Array;

/**
 * `target` with its GPUs renamed and its slots reordered, so that as few replicas as possible travel from `current`: GPUs with as many slots and the same speed
 * may stand for each other, which leaves all loads as they are. Where `keepsNodes`, whole nodes are renamed, and GPUs within them, so that what lies together on a node stays
 * together. The least number is found by an assignment problem (two, one within the other, with nodes); a replica that stays keeps its slot.
 */
export function relabelLayer(current: Row, target: Row, machine: Machine, keepsNodes: boolean): Row {
  const gpuOf = keepsNodes
    ? matchNodes(current, target, machine)
    : matchGpus(current, target, machine, allGpus(machine));
  const result = new Int32Array(machine.slots).fill(-1);
  for (const [gpu, source] of gpuOf) {
    const { slotStarts } = machine;
    const experts = target.subarray(slotStarts[source], slotStarts[source + 1]);
    result.set(keepSlots(current.subarray(slotStarts[gpu], slotStarts[gpu + 1]), experts), slotStarts[gpu]);
  }
  return result;
}

/** How many slots of a layer need a replica that their GPU does not hold yet. */
export function countMoves(current: Row, next: Row, { gpus, slotStarts }: Machine): number {
  let moves = 0;
  for (let gpu = 0; gpu < gpus; gpu++) {
    const before = current.subarray(slotStarts[gpu], slotStarts[gpu + 1]);
    const after = next.subarray(slotStarts[gpu], slotStarts[gpu + 1]);
    moves += after.reduce((sum, expert) => sum + (expert >= 0 ? 1 : 0), 0) - countCommon(before, after);
  }
  return moves;
}

/** For each GPU, the GPU of the target that it becomes. */
type Matching = [gpu: number, source: number][];

function matchGpus(current: Row, target: Row, machine: Machine, [from, to]: readonly [number[], number[]]): Matching {
  const { slotStarts } = machine;
  const cost = from.map((gpu) => {
    const before = current.subarray(slotStarts[gpu], slotStarts[gpu + 1]);
    return to.map((source) =>
      isAlike(machine, gpu, source)
        ? -countCommon(before, target.subarray(slotStarts[source], slotStarts[source + 1]))
        : FORBIDDEN,
    );
  });
  return munkres(cost).map(([row, column]) => [from[row]!, to[column]!]);
}

/** More than all slots together, so that only GPUs that are alike are matched: each may always keep its own name. */
const FORBIDDEN = 1e12;

function isAlike({ slotStarts, speeds, isUsed }: Machine, gpu: number, other: number): boolean {
  const slots = slotStarts[gpu + 1]! - slotStarts[gpu]!;
  return (
    slots === slotStarts[other + 1]! - slotStarts[other]! &&
    speeds[gpu] === speeds[other] &&
    isUsed[gpu] === isUsed[other]
  );
}

function allGpus({ gpus }: Machine): [number[], number[]] {
  const all = Array.from({ length: gpus }, (_, gpu) => gpu);
  return [all, all];
}

function matchNodes(current: Row, target: Row, machine: Machine): Matching {
  const { nodes, gpus } = machine;
  const gpusOf = (node: number): number[] => Array.from({ length: gpus / nodes }, (_, i) => (node * gpus) / nodes + i);
  const all = Array.from({ length: nodes }, (_, node) => gpusOf(node));
  const matchings = all.map((from) => all.map((to) => matchGpus(current, target, machine, [from, to])));
  const cost = matchings.map((row) => row.map((matching) => costOfMatching(current, target, machine, matching)));
  return munkres(cost).flatMap(([node, source]) => matchings[node]![source]!);
}

function costOfMatching(current: Row, target: Row, machine: Machine, matching: Matching): number {
  const { slotStarts } = machine;
  let cost = 0;
  for (const [gpu, source] of matching) {
    if (!isAlike(machine, gpu, source)) return FORBIDDEN;
    const before = current.subarray(slotStarts[gpu], slotStarts[gpu + 1]);
    cost -= countCommon(before, target.subarray(slotStarts[source], slotStarts[source + 1]));
  }
  return cost;
}

/** How many experts two GPUs hold in common, counted as often as both hold them. */
function countCommon(before: Row, after: Row): number {
  const left = Array.from(before);
  let common = 0;
  for (const expert of after) {
    const position = expert < 0 ? -1 : left.indexOf(expert);
    if (position < 0) continue;
    left.splice(position, 1);
    common += 1;
  }
  return common;
}

/** The experts of a GPU in slots of which as many as can be hold what they held before. */
function keepSlots(before: Row, experts: Row): Row {
  const result = new Int32Array(before.length).fill(-1);
  const left = Array.from(experts);
  for (const [slot, expert] of before.entries()) {
    const position = left.indexOf(expert);
    if (position < 0) continue;
    result[slot] = expert;
    left.splice(position, 1);
  }
  for (const [slot, expert] of result.entries()) if (expert < 0 && left.length > 0) result[slot] = left.shift()!;
  return result;
}
