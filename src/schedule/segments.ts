/** The resources of a rank, on each of which one thing runs at a time. */
export const lanes = ['compute', 'communication'] as const;
export type Lane = (typeof lanes)[number];

/** What a segment does, in forward and in backward. */
export type SegmentName = 'embed' | 'attention' | 'dispatch' | 'experts' | 'combine' | 'mlp' | 'head';

/** What the merge needs to know of a segment; whoever runs or times segments adds fields of its own. */
export interface SegmentShape {
  readonly name: string;
  readonly phase: 'forward' | 'backwardInput' | 'backwardWeight';
  /** Index of the layer in the stage. */
  readonly layer: number;
  readonly lane: Lane;
}

/** A piece of a chunk that occupies one lane. A chunk is a list of segments, each of which needs the ones before it in its list. */
export interface Segment extends SegmentShape {
  readonly name: SegmentName;
}

/**
 * The order in which the segments of an overlapped forward and backward are issued: a merge of the two lists, so each keeps its own order.
 * The lists take turns. A turn is one block of computation (input and weight gradients of the same part together) and the communication that
 * follows it; so the other list computes while that communication is under way. Communication at the head of a list comes first of all, and when
 * one list has ended, the rest of the other follows. For two MoE layers this is the order of DeepSeek's profile of DualPipe:
 * compute attention(F) experts(B) experts(W) experts(F) attention(B) attention(W), communication combine(B) dispatch(F) dispatch(B) combine(F).
 */
export function mergeSegments<S extends SegmentShape>(forward: readonly S[], backward: readonly S[]): S[] {
  const lists = [forward, backward] as const;
  const ends = [skipCommunication(forward, 0), skipCommunication(backward, 0)];
  const merged = [...forward.slice(0, ends[0]), ...backward.slice(0, ends[1])];
  // The computation that hides a list's leading communication is the other list's.
  let turn = ends[1] === 0 && (ends[0] as number) > 0 ? 1 : 0;
  while (merged.length < forward.length + backward.length) {
    const list = lists[turn] as readonly S[];
    const start = ends[turn] as number;
    const end = endOfTurn(list, start);
    for (let index = start; index < end; index++) merged.push(list[index] as S);
    ends[turn] = end;
    turn = 1 - turn;
  }
  return merged;
}

/**
 * Issues communication before the weight gradients that stand just before it: it does not need them, and they hide it. Both lanes keep their orders.
 */
export function issueEarly<S extends SegmentShape>(segments: readonly S[]): S[] {
  const issued: S[] = [];
  for (const segment of segments) {
    let position = issued.length;
    if (segment.lane === 'communication') while (issued[position - 1]?.phase === 'backwardWeight') position--;
    issued.splice(position, 0, segment);
  }
  return issued;
}

/** The end of the block of computation at `start` and of the communication after it. */
function endOfTurn(list: readonly SegmentShape[], start: number): number {
  const first = list[start];
  if (first === undefined) return start;
  let end = start;
  while (list[end]?.lane === 'compute' && list[end]?.name === first.name && list[end]?.layer === first.layer) end++;
  return skipCommunication(list, end);
}

function skipCommunication(list: readonly SegmentShape[], start: number): number {
  let end = start;
  while (list[end]?.lane === 'communication') end++;
  return end;
}
