import { readSlotMoves, slotNumbers, stagedNumbers } from '../moves.js';
import type { MovesOperation, RankBuffers } from '../operations.js';

/** What a rank of the group shows of itself to a move of slots. */
interface MoveSide {
  readonly buffers: RankBuffers;
  readonly operation: MovesOperation;
}

/** Copies what comes into slots of the rank at position `me`; gives the bytes that came from others. */
export function takeSlotMoves(sides: readonly MoveSide[], me: number): number {
  const mine = sides[me];
  const { slots, areas } = mine.operation;
  const holderOf = (slot: number) => Math.floor(slot / slots);
  let bytes = 0;
  for (const { source, target } of readSlotMoves(mine.buffers, mine.operation)) {
    if (holderOf(target) !== me) continue;
    const { buffers, operation } = sides[holderOf(source)];
    for (const [position, area] of areas.entries()) {
      const numbers = slotNumbers(buffers, operation.areas[position], operation, source);
      stagedNumbers(mine.buffers, area, mine.operation, target).set(numbers);
      if (holderOf(source) !== me) bytes += numbers.byteLength;
    }
  }
  return bytes;
}
