import { basename } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../base/index.js';
import { readProfilerTrace } from '../formats/index.js';
import { defaultSaturationSms, type ResourceSplit, scaleSegments, splitResources } from '../plan/index.js';
import {
  type ChunkTimes,
  type ChunkTrace,
  compareOrder,
  type OrderDifference,
  type TraceSegment,
  timeSegments,
  traceSegments,
} from '../simulate/index.js';
import { parseNumber } from './numbers.js';

/** The flags that go with a profiler trace. */
export interface TraceFlags {
  readonly trace?: string;
  readonly slowerCommunication?: number;
  readonly communicationSms?: number;
  readonly saturationSms?: number;
  readonly smsCurve?: boolean;
}

/** Adds the flags that go with a profiler trace. */
export function addTraceFlags(command: Command): Command {
  return command
    .option('--trace <file.json>', 'predict the overlapped chunk of a PyTorch profiler trace (also .json.gz)')
    .option(
      '--slower-communication <factor>',
      'with --trace: how many times as long communication takes (default: 1)',
      parseNumber('--slower-communication', { from: 0, to: 1e6 }),
    )
    .option(
      '--communication-sms <count>',
      "with --trace: streaming multiprocessors (SMs) for communication (default: the trace's)",
      parseNumber('--communication-sms', { from: 1, to: 4095, whole: true }),
    )
    .option(
      '--saturation-sms <count>',
      `with --trace: SMs with which communication fills its links (default: ${defaultSaturationSms})`,
      parseNumber('--saturation-sms', { from: 1, to: 4096 }),
    )
    .option('--sms-curve', "with --trace: predict every split of the GPU's SMs, and find the best");
}

/** A chunk as it is predicted under some assumption, in seconds. */
export interface PredictedChunk {
  readonly times: ChunkTimes;
  /** One lane after the other, computation with no more SMs than in the overlapped chunk. */
  readonly withoutOverlap: number;
  /** The same with all SMs for computation while nothing is communicated; undefined if the trace does not tell the SMs. */
  readonly withoutOverlapAllSms?: number;
}

/** What is known of a trace's chunk, and predicted. */
export interface TraceReport {
  readonly file: string;
  readonly trace: ChunkTrace;
  /** In issue order. */
  readonly segments: readonly TraceSegment[];
  /** From the operations' spans, without any what-if. */
  readonly own: PredictedChunk;
  /** The same from the time in which their kernels ran. */
  readonly fromBusy: PredictedChunk;
  readonly order: readonly OrderDifference[];
  /** With what was asked for: slower communication, other SMs; undefined if nothing was. */
  readonly other?: PredictedChunk & { readonly slowerCommunication: number; readonly communicationSms?: number };
  readonly split?: ResourceSplit;
}

/**
 * Predicts the chunk of a trace from its operations' durations alone. The durations were measured while both lanes ran and contain what the lanes take
 * from each other, so no contention is added. Throws `InputError` as `readProfilerTrace` and for a question that the trace has no answer to.
 */
export function replayTrace(file: string, flags: TraceFlags): TraceReport {
  const trace = readProfilerTrace(file);
  const segments = traceSegments(trace, 'span');
  const { slowerCommunication = 1, communicationSms, saturationSms = defaultSaturationSms, smsCurve } = flags;
  const isOther = flags.slowerCommunication !== undefined || communicationSms !== undefined;
  const slower = slowDown(segments, slowerCommunication);
  const machine = communicationSms !== undefined || smsCurve === true ? requireSms(trace, file) : undefined;
  const request = machine && { segments: slower, ...machine, saturationSms };
  const asked =
    communicationSms === undefined || request === undefined ? slower : scaleSegments(request, communicationSms);
  const usedSms = communicationSms ?? trace.communicationSms;
  return {
    file: basename(file),
    trace,
    segments,
    own: predictChunk(segments, trace, trace.communicationSms),
    fromBusy: predictChunk(traceSegments(trace, 'busy'), trace, trace.communicationSms),
    order: compareOrder(trace),
    ...(isOther && {
      other: {
        ...predictChunk(asked, trace, usedSms),
        slowerCommunication,
        ...(usedSms !== undefined && { communicationSms: usedSms }),
      },
    }),
    ...(smsCurve === true && request !== undefined && { split: splitResources(request) }),
  };
}

function predictChunk(
  segments: readonly Omit<TraceSegment, 'fixedTime'>[],
  { totalSms }: ChunkTrace,
  communicationSms: number | undefined,
): PredictedChunk {
  const times = timeSegments({ segments, contention: 0 });
  const { computeTime, communicationTime } = times;
  const share = totalSms === undefined || communicationSms === undefined ? undefined : 1 - communicationSms / totalSms;
  return {
    times,
    withoutOverlap: computeTime + communicationTime,
    ...(share !== undefined && { withoutOverlapAllSms: computeTime * share + communicationTime }),
  };
}

function slowDown(segments: readonly TraceSegment[], factor: number): TraceSegment[] {
  return segments.map((one) =>
    one.lane === 'compute' ? one : { ...one, time: one.time * factor, fixedTime: one.fixedTime * factor },
  );
}

function requireSms({ totalSms, communicationSms }: ChunkTrace, file: string) {
  if (totalSms !== undefined && communicationSms !== undefined) return { totalSms, referenceSms: communicationSms };
  throw new InputError({
    what: 'the trace does not tell how many SMs communicate, of how many',
    where: file,
    mend: 'leave out --communication-sms and --sms-curve, or use a trace with deviceProperties and the grids of its kernels',
  });
}
