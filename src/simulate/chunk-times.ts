import { InputError } from '../base/index.js';
import type { Lane, SegmentShape } from '../schedule/index.js';

/** A segment of a chunk, or of one of the two chunks of an overlapped pair, with its duration. */
export interface TimedSegment extends SegmentShape {
  /** Which of the two chunks it belongs to: 0 the forward of a pair, 1 the backward. */
  readonly chunk: 0 | 1;
  /** How long its lane has it when the other lane is idle, in any one unit. */
  readonly time: number;
}

export interface ChunkTimesRequest {
  /** In the order in which they are issued, as `issueEarly(mergeSegments(…))` gives them. */
  readonly segments: readonly TimedSegment[];
  /** Share (0 to 1) of the machine that communication takes from computation while it runs. 0 where the durations already contain it. */
  readonly contention: number;
}

/** In the unit of the segments. time = computeTime + exposedCommunication. */
export interface ChunkTimes {
  readonly time: number;
  /** Time in which the compute lane works; with contention that is more than the sum of its segments. */
  readonly computeTime: number;
  /** Time in which the communication lane works. */
  readonly communicationTime: number;
  /** Time in which the compute lane does nothing, for communication has to end first. */
  readonly exposedCommunication: number;
  /** One for each segment, in the order of the request; `index` is its position there. */
  readonly operations: readonly { readonly index: number; readonly start: number; readonly end: number }[];
}

/** A lane at work: whose turn it is of its segments, and what is left of that one. */
interface LaneState {
  readonly indices: readonly number[];
  position: number;
  isRunning: boolean;
  /** Work done in a unit of time. */
  rate: number;
  left: number;
  busy: number;
}

/**
 * Runs the segments on two lanes, each in issue order and one at a time. A segment starts when its lane is free and the segments before it in its
 * chunk have ended; but nothing waits for a weight gradient, and a weight gradient only for its lane, where its input gradient stands before it.
 * While the communication lane works, the compute lane does 1 - contention as much; exact, without time steps. The result is never below the
 * longer lane nor above the sum of both, and grows with each duration. Throws `InputError` for a negative time or a share outside 0 to 1.
 */
export function timeSegments({ segments, contention }: ChunkTimesRequest): ChunkTimes {
  checkRequest(segments, contention);
  const needs = findNeeds(segments);
  const compute = createLane(segments, 'compute');
  const communication = createLane(segments, 'communication');
  const lanes = [compute, communication];
  const starts = new Float64Array(segments.length);
  const ends = new Float64Array(segments.length).fill(Number.POSITIVE_INFINITY);
  let now = 0;
  for (;;) {
    for (const lane of lanes) {
      const index = lane.indices[lane.position];
      if (lane.isRunning || index === undefined || (needs[index] >= 0 && ends[needs[index]] > now)) continue;
      starts[index] = now;
      lane.left = segments[index].time;
      lane.isRunning = true;
    }
    if (!compute.isRunning && !communication.isRunning) break;
    compute.rate = communication.isRunning ? 1 - contention : 1;
    const elapsed = Math.min(timeLeft(compute), timeLeft(communication));
    now += elapsed;
    for (const lane of lanes) {
      if (advance(lane, elapsed)) ends[lane.indices[lane.position++]] = now;
    }
  }
  return {
    time: now,
    computeTime: compute.busy,
    communicationTime: communication.busy,
    exposedCommunication: Math.max(0, now - compute.busy),
    operations: segments.map((_, index) => ({ index, start: starts[index], end: ends[index] })),
  };
}

function createLane(segments: readonly TimedSegment[], lane: Lane): LaneState {
  const indices: number[] = [];
  for (const [index, segment] of segments.entries()) if (segment.lane === lane) indices.push(index);
  return { indices, position: 0, isRunning: false, rate: 1, left: 0, busy: 0 };
}

function timeLeft({ isRunning, left, rate }: LaneState): number {
  if (!isRunning) return Number.POSITIVE_INFINITY;
  return left === 0 ? 0 : left / rate;
}

/** Whether the segment that the lane runs ends. */
function advance(lane: LaneState, elapsed: number): boolean {
  if (!lane.isRunning) return false;
  lane.busy += elapsed;
  lane.isRunning = timeLeft(lane) > elapsed;
  lane.left = Math.max(0, lane.left - elapsed * lane.rate);
  return !lane.isRunning;
}

/** For each segment the one whose end it waits for, or -1. That one waits for those before it, so one is enough. */
function findNeeds(segments: readonly TimedSegment[]): Int32Array {
  const needs = new Int32Array(segments.length).fill(-1);
  const last = [-1, -1];
  for (const [index, { phase, chunk }] of segments.entries()) {
    if (phase === 'backwardWeight') continue;
    needs[index] = last[chunk];
    last[chunk] = index;
  }
  return needs;
}

function checkRequest(segments: readonly TimedSegment[], contention: number): void {
  if (!(contention >= 0 && contention <= 1)) {
    throw new InputError({ what: `a contention of ${contention}`, mend: 'give a share from 0 to 1' });
  }
  for (const { name, phase, layer, time } of segments) {
    if (Number.isFinite(time) && time >= 0) continue;
    throw new InputError({
      what: `a duration of ${time}`,
      where: `${name} ${phase}, layer ${layer}`,
      mend: 'give a time of 0 or more',
    });
  }
}
