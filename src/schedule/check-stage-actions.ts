import { formatAction } from './action.js';
import { createIssueList, type ScheduleIssue } from './issues.js';
import { loweredCodes as codes, isLeftGathered } from './lowered.js';
import {
  describePlace,
  hasWaits,
  issueAt,
  type LoweredBook,
  rankOf,
  textOf,
  visitCommunication,
} from './lowered-book.js';

/**
 * A stage that is sharded at all computes while its parameters are gathered, and they are given back at the end, unless
 * no rank gives any back there.
 */
export function parametersAreGathered(book: LoweredBook): ScheduleIssue[] {
  const { flat, entryStart } = book;
  const isSharded = new Uint8Array(flat.stages);
  visitCommunication(book, (_entry, code, stage) => {
    if (stage < flat.stages && (code === codes.unshard || code === codes.reshard)) isSharded[stage] = 1;
  });
  const issues = createIssueList();
  const isGathered = new Uint8Array(flat.stages);
  const complain = (entry: number, message: string): void => {
    issues.add(() => issueAt(book, entry, 'sharding', `${textOf(book, entry)}: ${message}`));
  };
  for (const [rank, list] of book.lowered.lists.entries()) {
    for (let position = 0, entry = entryStart[rank] as number; position < list.kind.length; position++, entry++) {
      const stage = list.stage[position] as number;
      const code = list.kind[position] as number;
      if (code === codes.compute) {
        for (const cells of [flat.forward, flat.backward, flat.weight]) {
          const cell = cells[book.action[entry] as number] as number;
          const needed = cell < 0 ? -1 : (cell / flat.microbatches) | 0;
          if (needed >= 0 && isSharded[needed] === 1 && isGathered[needed] === 0)
            complain(entry, `stage ${needed} is not gathered`);
        }
      } else if (code === codes.unshard || code === codes.reshard) {
        if (stage >= flat.stages) continue;
        const wanted = code === codes.unshard ? 0 : 1;
        if (isGathered[stage] !== wanted)
          complain(entry, `stage ${stage} is ${wanted === 0 ? 'already' : 'not'} gathered`);
        isGathered[stage] = 1 - wanted;
      }
    }
  }
  if (isLeftGathered(book.lowered.lists)) return issues.finish();
  for (const [stage, value] of isGathered.entries()) {
    if (value === 0) continue;
    const message = `stage ${stage} is still gathered at the end`;
    issues.add(() => ({ code: 'sharding', rank: flat.stageToRank[stage], position: null, message }));
  }
  return issues.finish();
}

/**
 * If gradients are summed at all, and always with two copies of the model, every stage's are, once, after its last
 * backward. With waits, each sum is waited for before the rank's next one.
 */
export function gradientsAreSummed(book: LoweredBook): ScheduleIssue[] {
  const { flat, lowered, lastGradientAt } = book;
  const summedAt = new Int32Array(flat.stages).fill(-1);
  const pendingStage = new Int32Array(flat.ranks).fill(-1);
  const needsWait = hasWaits(book);
  const issues = createIssueList();
  const complain = (entry: number, message: string): void => {
    issues.add(() => issueAt(book, entry, 'reduction', `${textOf(book, entry)} ${message}`));
  };
  visitCommunication(book, (entry, code, stage, rank) => {
    if (stage >= flat.stages) return;
    if (code === codes.reduceGrad) {
      const last = lastGradientAt[stage] as number;
      if (summedAt[stage] !== -1)
        complain(entry, `has already run at ${describePlace(book, summedAt[stage] as number)}`);
      else if (entry < last && rankOf(book, last) === rank) complain(entry, `runs before ${textOf(book, last)}`);
      if (pendingStage[rank] !== -1 && needsWait)
        complain(entry, `runs before the wait for stage ${pendingStage[rank]}`);
      pendingStage[rank] = stage;
      summedAt[stage] = entry;
    } else if (code === codes.waitReduceGrad) {
      if (pendingStage[rank] !== stage) complain(entry, 'waits for a sum that is not under way');
      pendingStage[rank] = -1;
    }
  });
  if (needsWait) {
    for (const [rank, stage] of pendingStage.entries()) {
      if (stage !== -1) issues.add(() => lackOfSum(book, rank, 'waitReduceGrad', stage));
    }
  }
  if (summedAt.every((entry) => entry === -1) && lowered.schedule.pipelines.length === 1) return issues.finish();
  for (const [stage, entry] of summedAt.entries()) {
    if (entry === -1) issues.add(() => lackOfSum(book, flat.stageToRank[stage], 'reduceGrad', stage));
  }
  return issues.finish();
}

function lackOfSum(
  { lowered }: LoweredBook,
  rank: number,
  kind: 'reduceGrad' | 'waitReduceGrad',
  stage: number,
): ScheduleIssue {
  const mirrored = lowered.schedule.pipelines.length > 1 ? ', whose gradients are summed with its mirrored stage' : '';
  const message = `${formatAction({ kind, stage })} is missing: stage ${stage}${mirrored}`;
  return { code: 'reduction', rank, position: null, message };
}
