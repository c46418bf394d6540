import { readSlotMoves, slotNumbers, stagedNumbers } from '../moves.js';
import type { MovesOperation } from '../operations.js';
import type { OperationContext } from './rows.js';
import { createJoin, openStreams } from './stream.js';

/** Every rank sends what others take from its slots, and takes what comes into its own. */
export function startSlotMoves(context: OperationContext, operation: MovesOperation, done: () => void): void {
  const { rank, buffers, requests, tag } = context;
  const join = createJoin(done);
  const [sends, receives] = [openStreams(requests, 'send', tag), openStreams(requests, 'receive', tag)];
  const holderOf = (slot: number) => operation.group[Math.floor(slot / operation.slots)];
  for (const { source, target } of readSlotMoves(buffers, operation)) {
    const [from, to] = [holderOf(source), holderOf(target)];
    for (const area of operation.areas) {
      const numbers = () => slotNumbers(buffers, area, operation, source);
      const staged = () => stagedNumbers(buffers, area, operation, target);
      if (from === rank && to === rank) staged().set(numbers());
      else if (from === rank) sends(to).push(bytesOf(numbers()), join.begin());
      else if (to === rank) receives(from).push(bytesOf(staged()), join.begin());
    }
  }
  join.close();
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
