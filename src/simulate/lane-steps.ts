import {
  type Action,
  type ChunkAction,
  chunkActions,
  type FlatSchedule,
  issueEarly,
  kindCodes,
  mergeSegments,
  type SegmentShape,
} from '../schedule/index.js';
import type { StageSegment, StageTimes, StepTimes } from './stage-times.js';

/**
 * What a compute lane does next for a chunk: take the message from the stage before, run a segment, wait for the exchange that was just posted, give
 * the message for the stage after.
 */
export type LaneStep = SegmentShape & {
  /** Position of the chunk in its action: 1 for the backward of an overlapped pair. */
  readonly chunk: 0 | 1;
  readonly isForward: boolean;
  readonly stage: number;
} & ({ readonly kind: 'receive' | 'wait' | 'send' } | { readonly kind: 'segment'; readonly time: StageSegment });

/** A piece of a chunk that is yet to be merged with others. */
interface Piece extends SegmentShape {
  readonly steps: readonly LaneStep[];
}

/**
 * Gives the steps of an action, the same list for all microbatches, in the order in which a rank's program has them. With overlap the lists of a pair are merged,
 * and communication is issued before weight gradients; without it a pair's forward goes before its backward, and each exchange is waited for at once.
 */
export function createStepLists(
  flat: FlatSchedule,
  { stages, expert }: StepTimes,
  overlap: boolean,
): (action: Action) => readonly LaneStep[] {
  const lists = new Map<number, readonly LaneStep[]>();
  const build = (action: Action): LaneStep[] => {
    const [first, second] = chunkActions(action).map((chunk, index) =>
      cutChunk(flat, stages[chunk.stage], chunk, { position: index as 0 | 1, travels: expert > 1 }),
    );
    if (overlap) {
      const pieces = issueEarly(second === undefined ? first : mergeSegments(first, second));
      return pieces.flatMap(({ steps }) => steps);
    }
    return [...first, ...(second ?? [])].flatMap(({ steps }) => steps.flatMap(waitAtOnce));
  };
  return (action) => {
    const [first, second] = chunkActions(action);
    const key = (kindCodes[action.kind] * flat.stages + first.stage) * flat.stages + (second?.stage ?? 0);
    let list = lists.get(key);
    if (list === undefined) {
      list = build(action);
      lists.set(key, list);
    }
    return list;
  };
}

function waitAtOnce(step: LaneStep): LaneStep[] {
  if (step.kind !== 'segment' || step.lane === 'compute') return [step];
  const { chunk, isForward, stage } = step;
  return [step, { ...shapeOf(step), chunk, isForward, stage, kind: 'wait' }];
}

/** A receive belongs to the first segment, and a send to the last; but a send that carries what other ranks must give back first is a piece of its own. */
function cutChunk(
  flat: FlatSchedule,
  times: StageTimes,
  { kind, stage }: ChunkAction,
  { position, travels }: { readonly position: 0 | 1; readonly travels: boolean },
): Piece[] {
  const isForward = kind === 'forward';
  const place = { chunk: position, isForward, stage };
  const segments = segmentsOf(times, kind);
  const last = segments.at(-1);
  if (last === undefined) return [];
  const message = (name: 'receive' | 'send'): LaneStep[] => {
    const isFromPrevious = isForward === (name === 'receive');
    const step = (isFromPrevious ? flat.toPrevious : flat.toNext)[stage] / flat.microbatches;
    if (kind === 'backwardWeight' || step === 0 || flat.stageToRank[stage + step] === flat.stageToRank[stage])
      return [];
    const phase = isForward ? 'forward' : 'backwardInput';
    return [{ ...place, kind: name, name, phase, layer: last.layer, lane: 'compute' }];
  };
  const send = message('send');
  const isDelayed = travels && last.lane === 'communication';
  const pieces = segments.map((time, index): Piece => {
    const own: LaneStep = { ...place, ...shapeOf(time), kind: 'segment', time };
    const before = index === 0 ? message('receive') : [];
    const after = index === segments.length - 1 && !isDelayed ? send : [];
    return { ...shapeOf(time), steps: [...before, own, ...after] };
  });
  const delayed = { name: 'send', phase: last.phase, layer: last.layer, lane: 'compute' as const, steps: send };
  return isDelayed ? [...pieces, delayed] : pieces;
}

function shapeOf({ name, phase, layer, lane }: SegmentShape): SegmentShape {
  return { name, phase, layer, lane };
}

function segmentsOf({ forward, backward }: StageTimes, kind: ChunkAction['kind']): readonly StageSegment[] {
  switch (kind) {
    case 'forward':
      return forward;
    case 'backward':
      return backward;
    case 'backwardInput':
    case 'backwardWeight':
      return backward.filter(({ phase }) => phase === kind);
    default:
      return kind satisfies never;
  }
}
