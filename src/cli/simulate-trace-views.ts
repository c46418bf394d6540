import type { ResourceSplit, SplitPoint } from '../plan/index.js';
import type { Timeline, TimelineEvent } from '../schedule/index.js';
import { operationKey, type TraceOperation } from '../simulate/index.js';
import type { TraceReport } from './simulate-trace.js';

/** What is predicted, with what was asked for; in seconds. */
export function predictedTimeline({ trace, segments, own, other }: TraceReport): Timeline {
  const labels = new Map(trace.operations.map((one) => [operationKey(one), labelOf(one)]));
  const events = (other ?? own).times.operations.map(({ index, start, end }): TimelineEvent => {
    const segment = segments[index];
    const kind = segment.lane === 'communication' ? 'communication' : segment.phase;
    const label = labels.get(operationKey(segment)) ?? '';
    return { lane: segment.lane, kind, label, start, end, chunks: [{ stage: 0, microbatch: segment.chunk }] };
  });
  return { unit: 'seconds', ranks: [events] };
}

/** What the profiler saw, in seconds. */
export function measuredEvents({ trace }: TraceReport): TimelineEvent[] {
  return trace.operations.map((one) => ({
    lane: one.lane,
    kind: one.lane === 'communication' ? 'communication' : one.phase,
    label: labelOf(one),
    start: one.startSeconds,
    end: one.endSeconds,
    chunks: [{ stage: 0, microbatch: one.chunk }],
  }));
}

function labelOf({ operation, layer }: TraceOperation): string {
  return `${operation} L${layer}`;
}

/** The best split and, to both sides, as many others as a line of text or a scale has room for; those that take over three times as long are left out. */
export function pickPoints({ best, curve }: ResourceSplit): SplitPoint[] {
  const picked = new Set([best.communicationSms]);
  const ratio = 1.15;
  for (let sms = best.communicationSms * ratio; sms < curve.length + 1; sms *= ratio) picked.add(Math.round(sms));
  for (let sms = best.communicationSms / ratio; sms >= 1; sms /= ratio) picked.add(Math.round(sms));
  return curve.filter(({ communicationSms, time }) => picked.has(communicationSms) && time <= 3 * best.time);
}

/** To a nanosecond: a profiler's clock tells no more. */
export function toMs(seconds: number): number {
  return Number((seconds * 1e3).toFixed(6));
}

/** Seconds as milliseconds with three digits, without the unit. */
export function formatMs(seconds: number): string {
  return (seconds * 1e3).toFixed(3);
}
