import {
  type Action,
  type ChunkAction,
  chunkActions,
  type FlatSchedule,
  kindCodes,
  mergeSegments,
  type SegmentShape,
} from '../schedule/index.js';
import type { StageSegment, StageTimes } from './stage-times.js';

/** What a compute lane does next for a chunk: take the message from the stage before, run a segment, give the message for the stage after. */
export type LaneStep = SegmentShape & {
  /** Position of the chunk in its action: 1 for the backward of an overlapped pair. */
  readonly chunk: 0 | 1;
  readonly isForward: boolean;
  readonly stage: number;
} & (
    | { readonly kind: 'receive' }
    | { readonly kind: 'send' }
    | { readonly kind: 'segment'; readonly time: StageSegment }
  );

interface PlacedChunk {
  readonly receives: readonly LaneStep[];
  readonly steps: readonly LaneStep[];
}

/**
 * Gives the steps of an action, the same list for all microbatches. An overlapped pair takes both its messages first and then runs the merge of its
 * two lists, each with its send at the end; without overlap its forward goes before its backward.
 */
export function createStepLists(
  flat: FlatSchedule,
  stages: readonly StageTimes[],
  overlap: boolean,
): (action: Action) => readonly LaneStep[] {
  const lists = new Map<number, readonly LaneStep[]>();
  const build = (action: Action): LaneStep[] => {
    const [first, second] = chunkActions(action).map((chunk, index) => placeChunk(flat, stages, chunk, index as 0 | 1));
    if (second === undefined) return [...first.receives, ...first.steps];
    if (overlap) return [...first.receives, ...second.receives, ...mergeSegments(first.steps, second.steps)];
    return [...first.receives, ...first.steps, ...second.receives, ...second.steps];
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

function placeChunk(flat: FlatSchedule, stages: readonly StageTimes[], action: ChunkAction, chunk: 0 | 1): PlacedChunk {
  const { kind, stage } = action;
  const isForward = kind === 'forward';
  const place = { chunk, isForward, stage };
  const steps = segmentsOf(stages[stage], kind).map(
    (time): LaneStep => ({ ...place, ...shapeOf(time), kind: 'segment', time }),
  );
  if (kind === 'backwardWeight') return { receives: [], steps };
  const message = (name: 'receive' | 'send'): LaneStep[] => {
    const isFromPrevious = isForward === (name === 'receive');
    const step = (isFromPrevious ? flat.toPrevious : flat.toNext)[stage] / flat.microbatches;
    if (step === 0 || flat.stageToRank[stage + step] === flat.stageToRank[stage]) return [];
    const phase = isForward ? 'forward' : 'backwardInput';
    return [{ ...place, kind: name, name, phase, layer: -1, lane: 'compute' }];
  };
  return { receives: message('receive'), steps: [...steps, ...message('send')] };
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
