import { measureImbalance } from '../balance/index.js';
import { escapeControls, formatBytes, formatCount, formatPercent, formatRate, formatSeconds } from '../base/index.js';
import { modelFlops, type TrainingConfig } from '../config/index.js';
import { paceOf, type StepMetrics } from '../formats/index.js';
import type { TrainingEvent } from '../train/index.js';
import { outputWidth } from './output.js';
import { ownCommand, quoteWord } from './own-command.js';
import { times } from './train-balance.js';

/** Milliseconds between lines where they are not written over each other. */
const betweenLines = 5000;

/**
 * On a terminal a line that is written over; elsewhere a line every few seconds. What happens besides has a line of its
 * own.
 */
export function createProgress(config: TrainingConfig): (event: TrainingEvent) => void {
  const isTerminal = process.stderr.isTTY === true;
  const begin = isTerminal ? '\r\x1b[K' : '';
  const say = (line: string) => process.stderr.write(`${begin}${line}\n`);
  const history: StepMetrics[] = [];
  let shown = -Infinity;
  let decisions = 0;
  return (event) => {
    switch (event.kind) {
      case 'start':
        for (const line of formatStart(event, config)) say(line);
        break;
      case 'step': {
        const { metrics } = event;
        const { decision } = metrics;
        history.push(metrics);
        if (decision !== undefined) {
          const cost = decisions++ === 0 ? ` (${decision.moveCost})` : '';
          say(`after step ${decision.after}: ${decision.reason}${cost}`);
        }
        const stays = metrics.validationLoss !== undefined || metrics.step === config.train.steps;
        if (!isTerminal && !stays && performance.now() - shown < betweenLines) return;
        shown = performance.now();
        const width = outputWidth(process.stderr);
        const line = formatStep(history, config, isTerminal ? width - 1 : width);
        process.stderr.write(`${begin}${line}${isTerminal && !stays ? '' : '\n'}`);
        break;
      }
      case 'note':
        say(escapeControls(event.note));
        break;
      case 'checkpoint':
        say(`checkpoint ${event.folder}`);
        break;
      default:
        event satisfies never;
    }
  };
}

type StartEvent = Extract<TrainingEvent, { kind: 'start' }>;

/** What a run says before its first step. */
export function formatStart(
  { spec, corpus, folder, firstStep, pinningObstacle }: StartEvent,
  config: TrainingConfig,
): string[] {
  const { data, model, parallel, train } = config;
  const { totalParameters, activeMatrixParameters } = modelFlops(model, data.sequenceLength);
  const { name, microbatches } = spec.schedule;
  const ranks = parallel.pipeline * parallel.expert;
  const layout = parallel.expert === 1 ? '' : ` (pipeline ${parallel.pipeline} x expert ${parallel.expert})`;
  const files =
    data.text.length === 0 ? '' : ` from ${countOf(data.text.length, 'file')} (${formatBytes(corpus.bytes)})`;
  return [
    `run ${folder} · watch: ${ownCommand()} serve --run ${quoteWord(folder)}`,
    `${formatCount(totalParameters)} parameters (${formatCount(activeMatrixParameters)} active), ` +
      `${formatCount(corpus.training.length)} training tokens${files}; ` +
      `${name}, ${countOf(ranks, 'rank')}${layout}, ${countOf(microbatches, 'microbatch', 'microbatches')}; ` +
      `step ${firstStep} of ${train.steps}`,
    ...(pinningObstacle === undefined ? [] : [`threads do not keep to cores of their own: ${pinningObstacle}`]),
  ];
}

function countOf(count: number, word: string, many = `${word}s`): string {
  return `${count} ${count === 1 ? word : many}`;
}

/** The last of some steps, as one line of at most `width` columns: what can be done without is left out first. */
export function formatStep(
  history: readonly StepMetrics[],
  { train: { steps }, parallel }: TrainingConfig,
  width: number,
): string {
  const { step, loss, validationLoss, tokensPerSecond, rankLoads, peakMemoryBytes, ...rest } =
    history[history.length - 1];
  const validation = validationLoss === undefined ? '' : `, validation ${validationLoss.toFixed(4)}`;
  const ranks = parallel.expert === 1 ? '' : `ranks ${times(measureImbalance([rankLoads], parallel.expert))}`;
  const memory = peakMemoryBytes === undefined ? '' : `${formatBytes(peakMemoryBytes)} memory`;
  const left = `${formatSeconds((steps - step) * paceOf(history))} left`;
  const start = `step ${step}/${steps}  loss ${loss.toFixed(4)}${validation}`;
  const rate = formatRate(tokensPerSecond, 'tokens');
  const lines = [
    [start, rate, formatUse(rest), ranks, memory, left],
    [start, rate, formatUse(rest), ranks, left],
    [start, rate, formatMfu(rest.mfu), ranks, left],
    [start, rate, ranks, left],
    [start, rate, left],
    [start, left],
  ].map((parts) => parts.filter((part) => part !== '').join('  '));
  return lines.find(({ length }) => length <= width) ?? start.slice(0, Math.max(0, width));
}

/** The model's operations a second, and what share of the machine that is: `21.3 GFLOP/s, MFU 35.0%`. */
export function formatUse({ gflops, mfu }: Pick<StepMetrics, 'gflops' | 'mfu'>): string {
  if (gflops === undefined) return '';
  return [formatRate(1e9 * gflops, 'FLOP'), formatMfu(mfu)].filter((part) => part !== '').join(', ');
}

function formatMfu(mfu: number | undefined): string {
  return mfu === undefined ? '' : `MFU ${formatPercent(mfu)}`;
}
