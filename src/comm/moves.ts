import type { MovesOperation, Place, RankBuffers, SlotArea } from './operations.js';

/** A slot that gets the numbers of another one, which holds now the expert that it will hold. */
export interface SlotMove {
  readonly source: number;
  readonly target: number;
}

/**
 * What moves when a layer goes from one placement to the next, by target: every slot that gets another expert takes it from a slot of its own rank where there
 * is one, otherwise several that want the same expert take its replicas in turn. Throws an `Error` if no slot holds the expert now.
 *
 * @param now int32 `[slots of all ranks]`: the expert in each slot; `next` likewise
 * @param slots of each rank
 */
export function listSlotMoves(now: Int32Array, next: Int32Array, slots: number): SlotMove[] {
  const slotsOf = new Map<number, number[]>();
  for (const [slot, expert] of now.entries()) slotsOf.set(expert, [...(slotsOf.get(expert) ?? []), slot]);
  const turns = new Map<number, number>();
  const isSameRank = (slot: number, other: number) => Math.floor(slot / slots) === Math.floor(other / slots);
  return [...next.keys()].flatMap((target) => {
    const expert = next[target];
    if (now[target] === expert) return [];
    const replicas = slotsOf.get(expert);
    if (replicas === undefined) throw new Error(`no slot holds expert ${expert}`);
    const local = replicas.find((slot) => isSameRank(slot, target));
    if (local !== undefined) return [{ source: local, target }];
    const turn = turns.get(expert) ?? 0;
    turns.set(expert, turn + 1);
    return [{ source: replicas[turn % replicas.length], target }];
  });
}

/** The moves of an operation, by the tables of the moment in this rank's memory. */
export function readSlotMoves(buffers: RankBuffers, operation: MovesOperation): SlotMove[] {
  const { group, slots, into } = operation;
  const table = ({ buffer, byteOffset }: Place) => new Int32Array(buffers[buffer], byteOffset, group.length * slots);
  return listSlotMoves(table(operation.slotToExpert), table(operation.nextSlotToExpert), slots).filter(
    ({ target }) => target % slots >= into.first && target % slots < into.end,
  );
}

/** What a slot holds of an area, in the memory of its rank. */
export function slotNumbers(
  buffers: RankBuffers,
  { from, count, stride }: SlotArea,
  { slots }: MovesOperation,
  slot: number,
): Float32Array {
  return new Float32Array(buffers[from.buffer], from.byteOffset + 4 * (slot % slots) * stride, count);
}

/** Where what comes into a slot is put, in the memory of its rank. */
export function stagedNumbers(
  buffers: RankBuffers,
  { to, count, stagingStride }: SlotArea,
  { slots }: MovesOperation,
  slot: number,
): Float32Array {
  return new Float32Array(buffers[to.buffer], to.byteOffset + 4 * (slot % slots) * stagingStride, count);
}
