import { issueEarly, type Lane, lanes, mergeSegments, type SegmentShape } from '../schedule/index.js';
import type { TimedSegment } from './chunk-times.js';

/** What an operation did on one stream of the GPU. */
export interface StreamWork {
  readonly stream: number;
  readonly startSeconds: number;
  readonly endSeconds: number;
  /** Time in which at least one of its kernels, copies or fills ran there. */
  readonly busySeconds: number;
  /** Kernels alone. */
  readonly kernels: number;
}

/** An operation of an overlapped chunk as a profiler saw it. Times count from the first kernel of the chunk. */
export interface TraceOperation extends SegmentShape {
  /** As the trace names it: `mlp(W)`. */
  readonly operation: string;
  readonly chunk: 0 | 1;
  readonly startSeconds: number;
  /** When the last of its kernels ended, on whichever stream: its work is done. */
  readonly endSeconds: number;
  /** Time in which at least one of its kernels ran, on whichever stream; what two streams do at a time counts once. */
  readonly busySeconds: number;
  /** Part of that in which it agrees with the other ranks, and waits for them; not a matter of SMs. */
  readonly notifySeconds: number;
  readonly streams: readonly StreamWork[];
}

/** A forward and a backward chunk that ran at the same time, by a profiler. */
export interface ChunkTrace {
  /** From the start of the first kernel to the end of the last. */
  readonly seconds: number;
  /** In the order in which the host launched them. `layer` counts an operation's occurrences: 0 is what ran first, in backward a stage's last layer. */
  readonly operations: readonly TraceOperation[];
  /** Streaming multiprocessors of the GPU, and those that dispatch and combine have (as thread blocks, one a multiprocessor), where the trace tells. */
  readonly totalSms?: number;
  readonly communicationSms?: number;
}

/**
 * What counts as an operation's duration: `span`, from its first kernel's start to its last one's end, with the gaps between its own kernels; `busy`,
 * without them.
 */
export type DurationKind = 'span' | 'busy';

/** A segment from a trace, with the part of its time that does not depend on the share of the machine that it has. */
export interface TraceSegment extends TimedSegment {
  readonly fixedTime: number;
}

/** The segments of the two chunks, each in the order of its chunk: what it needs goes before, and a weight gradient right after its input gradient. Times in seconds. */
export function traceChunks(
  { operations }: Pick<ChunkTrace, 'operations'>,
  durations: DurationKind,
): { forward: TraceSegment[]; backward: TraceSegment[] } {
  const byStart = operations.toSorted((one, other) => one.startSeconds - other.startSeconds);
  const toSegment = (operation: TraceOperation): TraceSegment => ({
    ...shapeOf(operation),
    chunk: operation.chunk,
    time: durations === 'busy' ? operation.busySeconds : operation.endSeconds - operation.startSeconds,
    fixedTime: operation.notifySeconds,
  });
  const weights = byStart.filter(({ phase }) => phase === 'backwardWeight');
  const backward = byStart.filter(({ phase }) => phase === 'backwardInput');
  return {
    forward: byStart.filter(({ phase }) => phase === 'forward').map(toSegment),
    backward: backward
      .flatMap((own) => [own, ...weights.filter(({ name, layer }) => name === own.name && layer === own.layer)])
      .map(toSegment),
  };
}

/** The segments of a trace in the order in which the runtime issues such a pair; see `mergeSegments` and `issueEarly`. Times in seconds. */
export function traceSegments(trace: Pick<ChunkTrace, 'operations'>, durations: DurationKind): TraceSegment[] {
  const { forward, backward } = traceChunks(trace, durations);
  return issueEarly(mergeSegments(forward, backward));
}

/** Where a lane's order in the trace is not the runtime's: the first place of each lane, in the trace's words. */
export interface OrderDifference {
  readonly lane: Lane;
  readonly position: number;
  readonly runtime: string;
  readonly trace: string;
}

/** Compares the runtime's order with the order in which the operations of a trace started, lane by lane; empty if they are the same. */
export function compareOrder({ operations }: Pick<ChunkTrace, 'operations'>): OrderDifference[] {
  const names = new Map(
    operations.map((operation) => [operationKey(operation), `${operation.operation} ${operation.layer}`]),
  );
  const describe = (segment: SegmentShape): string => names.get(operationKey(segment)) ?? '';
  const issued = traceSegments({ operations }, 'span');
  const byStart = operations.toSorted((one, other) => one.startSeconds - other.startSeconds);
  return lanes.flatMap((lane) => {
    const runtime = issued.filter((one) => one.lane === lane).map(describe);
    const trace = byStart.filter((one) => one.lane === lane).map(describe);
    const position = runtime.findIndex((name, index) => name !== trace[index]);
    return position < 0 ? [] : [{ lane, position, runtime: runtime[position], trace: trace[position] }];
  });
}

function shapeOf({ name, phase, layer, lane }: SegmentShape): SegmentShape {
  return { name, phase, layer, lane };
}

/** Names an operation of a chunk; each occurs once a layer. */
export function operationKey({ name, phase, layer }: Pick<SegmentShape, 'name' | 'phase' | 'layer'>): string {
  return `${name} ${phase} ${layer}`;
}
