import { drawLineChartSvg, drawScheduleSvg } from '../draw/index.js';
import type { ResourceSplit, SplitPoint } from '../plan/index.js';
import { formatTrace } from '../schedule/index.js';
import { operationKey, type TraceOperation } from '../simulate/index.js';
import type { SimulationFormat } from './simulate-output.js';
import type { PredictedChunk, TraceReport } from './simulate-trace.js';
import { printTraceText } from './simulate-trace-text.js';
import { formatMs, pickPoints, predictedTimeline, toMs } from './simulate-trace-views.js';

/** The text of a replayed trace in one of the formats; ends in a line break. With the curve of splits, the SVG picture is that curve. */
export function printTraceReport(report: TraceReport, format: SimulationFormat, toScreen: boolean): string {
  switch (format) {
    case 'text':
      return printTraceText(report, toScreen);
    case 'json':
      return `${JSON.stringify(traceJson(report))}\n`;
    case 'svg': {
      if (report.split !== undefined) return drawSplitSvg(report.split);
      const { times } = report.other ?? report.own;
      return drawScheduleSvg(predictedTimeline(report), `${report.file}: chunk predicted, ${formatMs(times.time)} ms`);
    }
    case 'trace':
      return formatTrace(predictedTimeline(report));
    default:
      return format satisfies never;
  }
}

/** The contract's JSON, in milliseconds, and more keys. */
function traceJson(report: TraceReport) {
  const { trace, own, fromBusy, other, order, split } = report;
  const starts = predictedStarts(report);
  return {
    chunk: {
      measured: toMs(trace.seconds),
      ...chunkJson(own),
      exposedCommunication: toMs(own.times.exposedCommunication),
      fromBusy: chunkJson(fromBusy),
    },
    lanes: { compute: toMs(own.times.computeTime), communication: toMs(own.times.communicationTime) },
    busy: { compute: toMs(fromBusy.times.computeTime), communication: toMs(fromBusy.times.communicationTime) },
    sms: { total: trace.totalSms ?? null, communication: trace.communicationSms ?? null },
    orderDifferences: order,
    ...(other !== undefined && {
      whatIf: {
        slowerCommunication: other.slowerCommunication,
        communicationSms: other.communicationSms ?? null,
        ...chunkJson(other),
        compute: toMs(other.times.computeTime),
        communication: toMs(other.times.communicationTime),
        exposedCommunication: toMs(other.times.exposedCommunication),
      },
    }),
    ...(split !== undefined && { split: { best: pointJson(split.best), curve: split.curve.map(pointJson) } }),
    operations: trace.operations.map((operation) => operationJson(operation, starts)),
  };
}

function chunkJson({ times, withoutOverlap, withoutOverlapAllSms }: PredictedChunk) {
  return {
    predicted: toMs(times.time),
    withoutOverlap: toMs(withoutOverlap),
    withoutOverlapAllSms: withoutOverlapAllSms === undefined ? null : toMs(withoutOverlapAllSms),
  };
}

function pointJson({ communicationSms, time, computeTime, communicationTime, exposed }: SplitPoint) {
  return {
    communicationSms,
    time: toMs(time),
    compute: toMs(computeTime),
    communication: toMs(communicationTime),
    exposed: toMs(exposed),
  };
}

function operationJson(one: TraceOperation, starts: ReadonlyMap<string, number>) {
  const { operation, layer, lane, startSeconds, endSeconds, busySeconds, streams } = one;
  return {
    operation,
    layer,
    lane,
    duration: toMs(endSeconds - startSeconds),
    busy: toMs(busySeconds),
    start: toMs(startSeconds),
    predictedStart: toMs(starts.get(operationKey(one)) ?? 0),
    streams: streams.map(({ stream, kernels, ...times }) => ({ stream, busy: toMs(times.busySeconds), kernels })),
  };
}

/** When each operation starts, as predicted from the spans, in seconds. */
function predictedStarts({ segments, own }: TraceReport): Map<string, number> {
  return new Map(own.times.operations.map(({ index, start }) => [operationKey(segments[index]), start]));
}

function drawSplitSvg(split: ResourceSplit): string {
  const points = pickPoints(split);
  const line = (name: string, color: string, timeOf: (point: SplitPoint) => number) => ({
    name,
    color,
    points: points.map((point) => ({ x: point.communicationSms, y: toMs(timeOf(point)) })),
  });
  const total = split.curve.length + 1;
  return drawLineChartSvg({
    title: `Chunk predicted: best with ${split.best.communicationSms} of ${total} SMs for communication`,
    xLabel: `SMs for communication, of ${total}`,
    yLabel: 'ms',
    series: [
      line('the chunk', '#1f5fa8', ({ time }) => time),
      { ...line('compute lane', '#c26a00', ({ computeTime }) => computeTime), isThin: true },
      { ...line('communication lane', '#5b616b', ({ communicationTime }) => communicationTime), isThin: true },
    ],
  });
}
