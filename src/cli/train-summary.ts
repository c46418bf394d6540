import { escapeControls, formatBytes, formatPercent, formatRate } from '../base/index.js';
import { drawCurve } from '../draw/index.js';
import type { StepMetrics } from '../formats/index.js';
import type { RunSummary, WrittenSummary } from '../train/index.js';
import { outputWidth } from './output.js';
import { formatTable } from './table.js';
import { formatBalance } from './train-balance.js';
import { formatUse } from './train-progress.js';

export type PrintedSummary = WrittenSummary & { readonly sample: string };

const widest = 80;

/** What a run came to, for a person. */
export function formatSummary(summary: PrintedSummary, steps: readonly StepMetrics[], folder: string): string {
  const { validationLoss } = summary;
  const validation = validationLoss === undefined ? '' : `, validation loss ${validationLoss.toFixed(4)} nats a token`;
  const width = Math.min(widest, outputWidth());
  const curve = drawCurve(
    steps.map(({ loss }) => loss),
    { width, height: 10 },
  );
  return [
    '',
    curve,
    `loss ${summary.lossFirst.toFixed(4)} -> ${summary.lossLast.toFixed(4)} in ${summary.steps} steps${validation}`,
    formatSpeed(summary),
    ...(summary.emulatedLinkMegabits === undefined
      ? []
      : [`all times are with an emulated link of ${summary.emulatedLinkMegabits} Mbit/s`]),
    formatRankShares(summary),
    ...formatBubble(summary),
    ...(summary.balance === undefined ? [] : ['', formatBalance(summary.balance, width)]),
    ...(summary.sample === '' ? [] : ['', 'sample:', escapeControls(summary.sample), '']),
    `run folder: ${folder}`,
    '',
  ].join('\n');
}

function formatSpeed({ tokensPerSecond, gflops, mfu, peakMemoryBytes }: RunSummary): string {
  const use = formatUse({ ...(gflops !== undefined && { gflops }), ...(mfu !== undefined && { mfu }) });
  const memory = peakMemoryBytes === undefined ? '' : `, at most ${formatBytes(peakMemoryBytes)} of memory`;
  return `${formatRate(tokensPerSecond, 'tokens')}${use === '' ? '' : `, ${use}`} (median step)${memory}`;
}

/** A difference below this share needs no words. */
const leastDifference = 0.01;

/** How far the simulator is from what was measured, and why. */
export function formatBubble({ predictedBubble, measuredBubble, coreless }: RunSummary): string[] {
  const between = measuredBubble - predictedBubble;
  const line = `not computing: ${formatPercent(predictedBubble)} predicted by the simulator from the segments' times, ${formatPercent(measuredBubble)} measured`;
  if (between < leastDifference) return [line];
  const rest = 'steps that were slower than the usual one, and threads that were woken late';
  if (coreless === undefined)
    return [line, `the ${formatPercent(between)} between: ${rest}; how long threads had no core is not known here`];
  const { computing, waiting } = coreless;
  const none = `ranks that computed had no core in ${formatPercent(computing)} of the run`;
  if (waiting > between - leastDifference / 2)
    return [line, `the ${formatPercent(between)} between can all be waiting for ranks without a core: ${none}`];
  return [
    line,
    `of the ${formatPercent(between)} between, at most ${formatPercent(waiting)} is waiting for ranks without a core: ${none}`,
    `the rest: ${rest}`,
  ];
}

/** Where the time of each rank went; the columns but for the second sum to the whole. */
function formatRankShares({ ranks }: RunSummary): string {
  const header = ['rank', 'computing', 'communicating', 'not hidden', 'idle'];
  const rows = ranks.map(({ compute, communication, exposedCommunication, idle }, rank) => [
    String(rank),
    ...[compute, communication, exposedCommunication, idle].map((share) => formatPercent(share)),
  ]);
  return formatTable([header, ...rows]);
}
