import { InputError } from '../base/index.js';
import { type TimedSegment, timeSegments } from '../simulate/index.js';

/**
 * Streaming multiprocessors (SMs) at which the links are full. DeepSeek-V3's report (arXiv 2412.19437, section 3.2.2) finds that 20 saturate
 * InfiniBand at 50 GB/s and NVLink at 160 GB/s.
 */
export const defaultSaturationSms = 20;

/** A segment whose time holds a part that no SM makes shorter: agreeing with other ranks, waiting for them. */
export interface SplitSegment extends TimedSegment {
  readonly fixedTime?: number;
}

export interface SplitRequest {
  /** Of a chunk or an overlapped pair, in issue order, each with its time when communication has `referenceSms` and computation the others. */
  readonly segments: readonly SplitSegment[];
  readonly referenceSms: number;
  readonly totalSms: number;
  /** Throughput of communication grows linearly up to this many SMs and not beyond. */
  readonly saturationSms: number;
}

/** What is predicted for a split; times in the unit of the segments. */
export interface SplitPoint {
  /** Computation has the others. */
  readonly communicationSms: number;
  readonly time: number;
  readonly computeTime: number;
  readonly communicationTime: number;
  /** Time in which the compute lane waits for communication. */
  readonly exposed: number;
}

export interface ResourceSplit {
  /** The shortest time; of several, the one with the fewest SMs for communication. */
  readonly best: SplitPoint;
  /** From 1 SM for communication to all but 1. */
  readonly curve: readonly SplitPoint[];
}

/** The most SMs of a GPU that are tried. */
const mostSms = 4096;
/** Relative difference of two times that are equal but for the rounding of their sums. */
const rounding = 1e-9;

/**
 * Predicts the segments' time for every split of a GPU's SMs between the two lanes, and which is best. More SMs than `saturationSms` for communication
 * never help. Throws `InputError` for a split that the GPU does not have.
 */
export function splitResources(request: SplitRequest): ResourceSplit {
  const curve = Array.from({ length: requireSms(request) - 1 }, (_, index) => timeSplit(request, index + 1));
  const least = Math.min(...curve.map(({ time }) => time));
  const best = curve.find(({ time }) => time <= least * (1 + rounding)) ?? curve[0];
  return { best, curve };
}

/** One point of the curve. Throws as `splitResources`. */
export function timeSplit(request: SplitRequest, communicationSms: number): SplitPoint {
  const segments = scaleSegments(request, communicationSms);
  const { time, computeTime, communicationTime, exposedCommunication } = timeSegments({ segments, contention: 0 });
  return { communicationSms, time, computeTime, communicationTime, exposed: exposedCommunication };
}

/**
 * The segments with another split. Computation takes as much longer as it has fewer SMs (it is bound by arithmetic); communication, without its fixed
 * part, as much shorter as it has more, until the links are full. Each lane has its SMs all the time, so neither slows the other down further. Throws as
 * `splitResources`.
 */
export function scaleSegments(request: SplitRequest, communicationSms: number): SplitSegment[] {
  const { segments, referenceSms, totalSms, saturationSms } = request;
  requireSms(request);
  requireSplit(communicationSms, totalSms, 'communication SMs');
  const compute = (totalSms - referenceSms) / (totalSms - communicationSms);
  const communication = Math.min(referenceSms, saturationSms) / Math.min(communicationSms, saturationSms);
  return segments.map((segment) => {
    const { lane, time, fixedTime = 0 } = segment;
    if (lane === 'compute') return { ...segment, time: time * compute };
    return { ...segment, time: fixedTime + Math.max(0, time - fixedTime) * communication };
  });
}

function requireSms({ referenceSms, totalSms, saturationSms }: SplitRequest): number {
  if (!Number.isInteger(totalSms) || totalSms < 2 || totalSms > mostSms) {
    throw new InputError({ what: `a GPU of ${totalSms} SMs`, mend: `use a whole number from 2 to ${mostSms}` });
  }
  requireSplit(referenceSms, totalSms, 'SMs for communication while it was measured');
  if (!(saturationSms > 0))
    throw new InputError({ what: `links that ${saturationSms} SMs fill`, mend: 'use more than 0' });
  return totalSms;
}

function requireSplit(sms: number, totalSms: number, what: string): void {
  if (Number.isInteger(sms) && sms >= 1 && sms < totalSms) return;
  throw new InputError({
    what: `${sms} ${what}`,
    mend: `use 1 to ${totalSms - 1}: both lanes need some of the ${totalSms}`,
  });
}
