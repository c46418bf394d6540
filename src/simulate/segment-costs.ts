import { InputError } from '../base/index.js';
import { type ChunkKind, issueEarly, mergeSegments, type SegmentShape } from '../schedule/index.js';
import { timeSegments } from './chunk-times.js';

/** A segment of a chunk and how long its lane has it when the other lane is idle. */
export interface SegmentCost extends SegmentShape {
  readonly time: number;
}

/** The segments of a stage, in the order of a chunk; the backward's have input and weight gradients. */
export interface ChunkSegments {
  readonly forward: readonly SegmentCost[];
  readonly backward: readonly SegmentCost[];
}

/** How long an action takes, and for how much of that its rank computes nothing because communication has to end first. */
export interface ActionCost {
  readonly time: number;
  readonly exposed: number;
}

/** The most segments of a stage: more than the longest real one has. */
const mostSegments = 4096;

/**
 * What an action on one chunk takes: its segments on two lanes, communication issued before the weight gradients that stand before it, as the
 * runtime does. `contention` is the share (0 to 1) of the machine that communication takes from computation.
 * Throws `InputError` for negative times and for more than 4,096 segments.
 */
export function chunkCost(segments: ChunkSegments, kind: ChunkKind, contention: number): ActionCost {
  const own = kind === 'forward' ? segments.forward : segments.backward;
  const isSplit = kind === 'backwardInput' || kind === 'backwardWeight';
  const list = isSplit ? own.filter(({ phase }) => phase === kind) : own;
  requireSegments(segments);
  return costOf(issueEarly(label(list, 0)), contention);
}

/** What an overlapped pair takes: the segments of a forward and of a full backward in the order in which the runtime issues them. Throws as `chunkCost`. */
export function pairCost(forward: ChunkSegments, backward: ChunkSegments, contention: number): ActionCost {
  requireSegments(forward);
  requireSegments(backward);
  const merged = mergeSegments(label(forward.forward, 0), label(backward.backward, 1));
  return costOf(issueEarly(merged), contention);
}

type LabelledSegment = SegmentCost & { readonly chunk: 0 | 1 };

function label(segments: readonly SegmentCost[], chunk: 0 | 1): LabelledSegment[] {
  return segments.map((segment) => ({ ...segment, chunk }));
}

function costOf(segments: readonly LabelledSegment[], contention: number): ActionCost {
  const { time, exposedCommunication } = timeSegments({ segments, contention });
  return { time, exposed: exposedCommunication };
}

function requireSegments({ forward, backward }: ChunkSegments): void {
  const count = forward.length + backward.length;
  if (count > mostSegments) {
    throw new InputError({ what: `a stage has ${count} segments`, mend: `use at most ${mostSegments}` });
  }
  const astray = forward.find(({ phase }) => phase !== 'forward') ?? backward.find(({ phase }) => phase === 'forward');
  if (astray !== undefined) {
    throw new InputError({
      what: `${astray.name} ${astray.phase} is in the wrong list of segments`,
      mend: 'put phase forward into forward, backwardInput and backwardWeight into backward',
    });
  }
}
