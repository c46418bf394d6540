import { firstExpertRow, layOutExpertRows, type Place, type RankBuffers, type RowsOperation } from '../operations.js';
import type { Requests } from './requests.js';
import { createJoin, createStream } from './stream.js';

/** What an operation is carried out with. */
export interface OperationContext {
  readonly rank: number;
  readonly buffers: RankBuffers;
  readonly requests: Requests;
  /** First of the two tags of the operation. */
  readonly tag: number;
}

interface Indices {
  readonly me: number;
  readonly tokenOffsets: Int32Array;
  readonly counts: Int32Array;
  readonly slotOffsets: Int32Array;
}

/**
 * An exchange of rows. The tokens' side knows at once which rows it sends or gets; the experts' side knows once it has the counts. Messages
 * follow each other by tensor and by slot on both sides; for each, the rows lie together on both.
 */
export function startRows(context: OperationContext, operation: RowsOperation, done: () => void): void {
  const { group, direction } = operation;
  const indices = openIndices(context, operation);
  const join = createJoin(done);
  const [atTokens, atExperts] =
    direction === 'toExperts' ? (['send', 'receive'] as const) : (['receive', 'send'] as const);
  const moveRows = (side: 'send' | 'receive', rowsOf: (peer: number) => Iterable<Uint8Array>) => {
    for (const [peer, rank] of group.entries()) {
      if (rank === context.rank) continue;
      const stream = createStream(context.requests, side, rank, context.tag + 1);
      for (const bytes of rowsOf(peer)) stream.push(bytes, join.begin());
    }
  };
  const end = join.begin();
  const moveExpertRows = () => {
    moveRows(atExperts, (peer) => expertRows(context, operation, indices, peer));
    copyOwnRows(context, operation, indices);
    end();
  };
  if (operation.exchangesCounts) exchangeCounts(context, operation, indices, join.begin, moveExpertRows);
  else moveExpertRows();
  moveRows(atTokens, (peer) => tokenRows(context, operation, indices, peer));
  join.close();
}

function openIndices({ rank, buffers }: OperationContext, operation: RowsOperation): Indices {
  const { group, slots } = operation;
  const integers = ({ buffer, byteOffset }: Place, count: number) => new Int32Array(buffers[buffer], byteOffset, count);
  return {
    me: group.indexOf(rank),
    tokenOffsets: integers(operation.tokenOffsets, group.length * slots + 1),
    counts: integers(operation.counts, group.length * slots),
    slotOffsets: integers(operation.slotOffsets, slots + 1),
  };
}

/** Tells every rank how many rows come to each of its slots; calls `known` once all have told this one. */
function exchangeCounts(
  { rank, requests, tag }: OperationContext,
  { group, slots }: RowsOperation,
  { tokenOffsets, counts, slotOffsets }: Indices,
  begin: () => () => void,
  known: () => void,
): void {
  const outgoing = new Int32Array(group.length * slots);
  for (let index = 0; index < outgoing.length; index++) outgoing[index] = tokenOffsets[index + 1] - tokenOffsets[index];
  const bytesOf = (numbers: Int32Array, peer: number) =>
    new Uint8Array(numbers.buffer, numbers.byteOffset + 4 * peer * slots, 4 * slots);
  const arrival = createJoin(() => {
    layOutExpertRows(counts, slotOffsets);
    known();
  });
  for (const [peer, other] of group.entries()) {
    if (other === rank) {
      bytesOf(counts, peer).set(bytesOf(outgoing, peer));
      continue;
    }
    requests.receive(bytesOf(counts, peer), other, tag, arrival.begin());
    requests.send(bytesOf(outgoing, peer), other, tag, begin());
  }
  arrival.close();
}

/** Rows of this rank's tokens for the slots of the rank at position `peer`: by tensor and by slot. */
function* tokenRows(
  { buffers }: OperationContext,
  { tensors, slots }: RowsOperation,
  { tokenOffsets }: Indices,
  peer: number,
): Iterable<Uint8Array> {
  for (const { tokenSide, rowBytes } of tensors) {
    for (let slot = peer * slots; slot < (peer + 1) * slots; slot++) {
      const first = tokenOffsets[slot];
      yield rowBytesOf(buffers, tokenSide, rowBytes, first, tokenOffsets[slot + 1] - first);
    }
  }
}

/** Rows of this rank's slots that belong to tokens of the rank at position `peer`: by tensor and by slot. */
function* expertRows(
  { buffers }: OperationContext,
  { tensors, slots }: RowsOperation,
  { counts, slotOffsets }: Indices,
  peer: number,
): Iterable<Uint8Array> {
  for (const { expertSide, rowBytes } of tensors) {
    for (let slot = 0; slot < slots; slot++) {
      const first = firstExpertRow(counts, slotOffsets, peer, slot);
      yield rowBytesOf(buffers, expertSide, rowBytes, first, counts[peer * slots + slot]);
    }
  }
}

function rowBytesOf(
  buffers: RankBuffers,
  { buffer, byteOffset }: Place,
  rowBytes: number,
  first: number,
  rows: number,
): Uint8Array {
  return new Uint8Array(buffers[buffer], byteOffset + first * rowBytes, rows * rowBytes);
}

function copyOwnRows(context: OperationContext, operation: RowsOperation, indices: Indices): void {
  const ofTokens = [...tokenRows(context, operation, indices, indices.me)];
  for (const [position, ofExperts] of [...expertRows(context, operation, indices, indices.me)].entries()) {
    if (operation.direction === 'toExperts') ofExperts.set(ofTokens[position]);
    else ofTokens[position].set(ofExperts);
  }
}
