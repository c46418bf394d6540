import { type FlatSchedule, flattenSchedule } from '../flat.js';
import { createListWriter, type ListWriter, type LoweredSchedule, loweredCodes } from '../lowered.js';

/** Writes each rank's list anew: `pass` is called for a rank and gives what is to be done with each entry and at the end. */
export function rewriteLists(
  lowered: LoweredSchedule,
  pass: (flat: FlatSchedule, rank: number, writer: ListWriter) => RankPass,
): LoweredSchedule {
  const flat = flattenSchedule(lowered.schedule);
  const lists = lowered.lists.map((list, rank) => {
    const writer = createListWriter(list.kind.length + 16);
    const { before, after, finish } = pass(flat, rank, writer);
    let action = flat.rankStart[rank] as number;
    for (let position = 0; position < list.kind.length; position++) {
      const code = list.kind[position] as number;
      const isCompute = code === loweredCodes.compute;
      const stage = list.stage[position] as number;
      const microbatch = list.microbatch[position] as number;
      if (isCompute) before?.(action);
      writer.push(code, stage, microbatch);
      after?.(isCompute ? action : -1, code, stage, microbatch);
      if (isCompute) action++;
    }
    finish?.();
    return writer.finish();
  });
  return { schedule: lowered.schedule, lists };
}

/** What a pass does in a rank's list; it adds by the writer that it was given. */
export interface RankPass {
  /** Before a computation: its place in the columns. */
  readonly before?: (action: number) => void;
  /** After an entry: the computation's place in the columns (-1 for communication), and its columns in the list. */
  readonly after?: (action: number, code: number, stage: number, microbatch: number) => void;
  readonly finish?: () => void;
}
