import { WorkError } from '../../base/index.js';
import { type FlatSchedule, flattenSchedule } from '../flat.js';
import { createListWriter, type ListWriter, type LoweredList, type LoweredSchedule, loweredCodes } from '../lowered.js';
import { backwardDone, forwardDone } from '../order.js';

/**
 * Adds messages between stages on different ranks: PyTorch's `_add_send_recv`. The ranks take turns, an entry a turn; whoever has computed something for
 * another rank sends it at once, and the receive comes to the end of what that rank has got so far. So all ranks send and receive in the order of one
 * common list, and no order of waiting can be circular.
 */
export function sendAndReceive(lowered: LoweredSchedule): LoweredSchedule {
  const turns = createTurns(lowered);
  const { lists } = lowered;
  const { isAwake, next, writers } = turns;
  let left = lists.filter(({ kind }) => kind.length > 0).length;
  while (left > 0) {
    let rank = isAwake.indexOf(1);
    if (rank === -1)
      throw new WorkError({ what: 'the schedule does not end', where: lowered.schedule.name, mend: 'check it first' });
    for (; rank !== -1; rank = isAwake.indexOf(1, rank + 1)) {
      const hasMoved = takeTurn(turns, rank);
      const isAtEnd = next[rank] === lists[rank]!.kind.length;
      if (isAtEnd) left--;
      // A rank that waits is woken by what it receives.
      if (!hasMoved || isAtEnd) isAwake[rank] = 0;
    }
  }
  return { schedule: lowered.schedule, lists: writers.map((writer) => writer.finish()) };
}

/** How far the ranks have come. */
interface Turns {
  readonly flat: FlatSchedule;
  readonly lists: readonly LoweredList[];
  /** `[ranks]`: their lists with messages. */
  readonly writers: readonly ListWriter[];
  /** `[cells]`: bits `forwardDone`, `backwardDone`: whether the cell's input has come that way. */
  readonly arrived: Uint8Array;
  readonly isAwake: Uint8Array;
  /** `[ranks]`: the rank's next entry, and its next computation in the columns. */
  readonly next: Int32Array;
  readonly nextAction: Int32Array;
}

function createTurns({ schedule, lists }: LoweredSchedule): Turns {
  const flat = flattenSchedule(schedule);
  return {
    flat,
    lists,
    writers: lists.map(({ kind }) => createListWriter(2 * kind.length + 16)),
    arrived: new Uint8Array(flat.stages * flat.microbatches),
    isAwake: Uint8Array.from(lists, ({ kind }) => (kind.length > 0 ? 1 : 0)),
    next: new Int32Array(flat.ranks),
    nextAction: flat.rankStart.slice(0, flat.ranks),
  };
}

/** Runs a rank's next entry and sends what it computed; false if its inputs have not arrived. */
function takeTurn(turns: Turns, rank: number): boolean {
  const { flat, next, nextAction } = turns;
  const list = turns.lists[rank] as LoweredList;
  const position = next[rank] as number;
  const isCompute = list.kind[position] === loweredCodes.compute;
  const action = nextAction[rank] as number;
  if (isCompute && !hasInputs(flat, turns.arrived, action)) return false;
  turns.writers[rank]!.push(
    list.kind[position] as number,
    list.stage[position] as number,
    list.microbatch[position] as number,
  );
  next[rank] = position + 1;
  if (!isCompute) return true;
  nextAction[rank] = action + 1;
  const forward = flat.forward[action] as number;
  const backward = flat.backward[action] as number;
  const toNext = forward < 0 ? 0 : (flat.toNext[(forward / flat.microbatches) | 0] as number);
  const toPrevious = backward < 0 ? 0 : (flat.toPrevious[(backward / flat.microbatches) | 0] as number);
  if (toNext !== 0) handOver(turns, forward, forward + toNext, forwardDone);
  if (toPrevious !== 0) handOver(turns, backward, backward + toPrevious, backwardDone);
  return true;
}

/** Gives the result of one cell to another, by a message if that is on another rank. */
function handOver(
  { flat, lists, writers, arrived, isAwake, next }: Turns,
  from: number,
  to: number,
  part: number,
): void {
  arrived[to] = (arrived[to] as number) | part;
  const [stage, receiver] = [(from / flat.microbatches) | 0, (to / flat.microbatches) | 0];
  const [rank, peer] = [flat.stageToRank[stage] as number, flat.stageToRank[receiver] as number];
  if (rank === peer) return;
  const microbatch = from % flat.microbatches;
  const isForward = part === forwardDone;
  writers[rank]!.push(isForward ? loweredCodes.sendForward : loweredCodes.sendBackward, stage, microbatch);
  writers[peer]!.push(isForward ? loweredCodes.receiveForward : loweredCodes.receiveBackward, receiver, microbatch);
  if ((next[peer] as number) < lists[peer]!.kind.length) isAwake[peer] = 1;
}

/** Whether the outputs of the neighbouring stages that an action needs have arrived. */
function hasInputs(flat: FlatSchedule, arrived: Uint8Array, action: number): boolean {
  const forward = flat.forward[action] as number;
  const isFirst = forward < 0 || flat.toPrevious[(forward / flat.microbatches) | 0] === 0;
  if (!isFirst && ((arrived[forward] as number) & forwardDone) === 0) return false;
  const backward = flat.backward[action] as number;
  const isLast = backward < 0 || flat.toNext[(backward / flat.microbatches) | 0] === 0;
  return isLast || ((arrived[backward] as number) & backwardDone) !== 0;
}
