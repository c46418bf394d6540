import { drawLanesText } from '../draw/index.js';
import type { ResourceSplit } from '../plan/index.js';
import type { TraceOperation } from '../simulate/index.js';
import { hasColor, outputWidth, plainWidth } from './output.js';
import type { PredictedChunk, TraceReport } from './simulate-trace.js';
import { formatMs, measuredEvents, pickPoints, predictedTimeline } from './simulate-trace-views.js';
import { formatTable } from './table.js';

const widestBar = 48;

/** A replayed trace for a person: durations, both lanes as measured and as predicted, what follows. */
export function printTraceText(report: TraceReport, toScreen: boolean): string {
  const { file, trace, other, split } = report;
  const sms =
    trace.communicationSms === undefined ? '' : `, ${trace.communicationSms} of ${trace.totalSms} SMs communicate`;
  return [
    `${file}: an overlapped chunk of ${trace.operations.length} operations${sms}\n`,
    `durations in ms, by layer in the order in which a chunk runs through them:\n${formatDurations(trace.operations)}`,
    drawPicture(report, toScreen),
    `${describeOwn(report).join('\n')}\n`,
    ...(other === undefined ? [] : [`${describeOther(other).join('\n')}\n`]),
    ...(split === undefined ? [] : [formatSplit(split)]),
  ].join('\n');
}

/** A row a layer, a column an operation. */
function formatDurations(operations: readonly TraceOperation[]): string {
  const names = [...new Set(operations.map(({ operation }) => operation))];
  const layers = Math.max(...operations.map(({ layer }) => layer)) + 1;
  const cells = new Map(operations.map((one) => [`${one.operation} ${one.layer}`, one.endSeconds - one.startSeconds]));
  const rows = Array.from({ length: layers }, (_, layer) => [
    String(layer),
    ...names.map((name) => {
      const seconds = cells.get(`${name} ${layer}`);
      return seconds === undefined ? '-' : formatMs(seconds);
    }),
  ]);
  return formatTable([['layer', ...names], ...rows]);
}

function drawPicture(report: TraceReport, toScreen: boolean): string {
  const color = toScreen && hasColor();
  // Beyond that, rows of two lanes only grow harder to follow.
  const width = Math.min(toScreen ? outputWidth() : plainWidth, plainWidth);
  const predicted = predictedTimeline(report).ranks[0];
  const end = Math.max(report.trace.seconds, (report.other ?? report.own).times.time);
  const title = report.other === undefined ? 'predicted' : 'predicted, with what was asked for';
  return [
    'measured',
    drawLanesText(measuredEvents(report), end, { color, width }).trimEnd(),
    title,
    drawLanesText(predicted, end, { color, width }).trimEnd(),
    `a attention, d dispatch, m experts, c combine; F forward, B input gradients, W weight gradients; · idle; ${formatMs(end)} ms from left to right\n`,
  ].join('\n');
}

function describeOwn({ trace, own, fromBusy, order }: TraceReport): string[] {
  const lane = ({ times }: PredictedChunk) =>
    `compute ${formatMs(times.computeTime)}, communication ${formatMs(times.communicationTime)} ms`;
  const measured = trace.seconds;
  return [
    `measured ${formatMs(measured)} ms; predicted ${compare(own, measured)} from the operations' spans, ${compare(fromBusy, measured)} from their kernels' time alone`,
    `lanes: ${lane(own)} (kernels alone: ${lane(fromBusy)}); exposed communication ${formatMs(own.times.exposedCommunication)} ms`,
    order.length === 0
      ? "order: on both lanes the runtime's is the trace's"
      : `order: ${order.map(({ lane: where, position, runtime, trace: other }) => `${where} lane, position ${position}: the runtime has ${runtime}, the trace ${other}`).join('; ')}`,
    `predicted without overlap: ${describeWithout(own)}`,
  ];
}

function compare({ times }: PredictedChunk, measured: number): string {
  const percent = measured === 0 ? 0 : (100 * (times.time - measured)) / measured;
  return `${formatMs(times.time)} ms (${percent < 0 ? '' : '+'}${percent.toFixed(1)}%)`;
}

function describeWithout({ withoutOverlap, withoutOverlapAllSms }: PredictedChunk): string {
  const all =
    withoutOverlapAllSms === undefined
      ? ''
      : `, ${formatMs(withoutOverlapAllSms)} ms if it then has all SMs while nothing is communicated`;
  return `${formatMs(withoutOverlap)} ms if computation keeps the SMs that it has${all}`;
}

function describeOther(other: NonNullable<TraceReport['other']>): string[] {
  const { times, slowerCommunication, communicationSms } = other;
  const slower = slowerCommunication === 1 ? '' : ` ${slowerCommunication} times as long`;
  const sms = communicationSms === undefined ? '' : ` on ${communicationSms} SMs`;
  return [
    `predicted with communication${slower}${sms}: ${formatMs(times.time)} ms; compute ${formatMs(times.computeTime)}, communication ${formatMs(times.communicationTime)}, exposed ${formatMs(times.exposedCommunication)} ms`,
    `  without overlap: ${describeWithout(other)}`,
  ];
}

/** The curve as a table with bars: computing, and waiting for communication. */
function formatSplit(split: ResourceSplit): string {
  const points = pickPoints(split);
  const longest = Math.max(...points.map(({ time }) => time));
  const bar = (seconds: number) => Math.round((widestBar * seconds) / (longest || 1));
  const lines = formatTable([
    ['SMs', 'chunk', 'compute', 'communication', 'exposed'],
    ...points.map((point) => [
      String(point.communicationSms),
      ...[point.time, point.computeTime, point.communicationTime, point.exposed].map(formatMs),
    ]),
  ]).split('\n');
  const bars = points.map((point) => {
    const isBest = point.communicationSms === split.best.communicationSms;
    const compute = bar(point.computeTime);
    return `  ${'█'.repeat(compute)}${'░'.repeat(Math.max(0, bar(point.time) - compute))}${isBest ? ' best' : ''}`;
  });
  return [
    'SMs for communication, predicted in ms (█ computing, ░ waiting for communication):',
    ...lines.map((line, index) => (index === 0 ? line : `${line}${bars[index - 1] ?? ''}`)),
    `best split predicted: ${split.best.communicationSms} of ${split.curve.length + 1} SMs for communication, ${formatMs(split.best.time)} ms\n`,
  ].join('\n');
}
