import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { measureImbalance } from '../balance/index.js';
import {
  escapeControls,
  escapeJsonControls,
  formatCount,
  formatRate,
  formatSeconds,
  InputError,
} from '../base/index.js';
import { findLaunch } from '../comm/index.js';
import { listTrainingKeys, modelFlops, type TrainingConfig } from '../config/index.js';
import { drawCurve } from '../draw/index.js';
import { readTrainingConfig, type StepMetrics } from '../formats/index.js';
import {
  generateText,
  type RunSummary,
  summarizeRun,
  type TrainingEvent,
  type TrainingResult,
  trainModel,
  type WrittenSummary,
  writeSummary,
} from '../train/index.js';
import { createStop } from './interrupted.js';
import { parseNumber } from './numbers.js';
import { outputWidth } from './output.js';
import { formatTable } from './table.js';
import { formatBalance, times } from './train-balance.js';
import { checkpointOverrides } from './train-from.js';

interface TrainFlags {
  readonly set: readonly string[];
  readonly steps?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly from?: string;
  readonly emulateLink?: number;
  readonly json?: boolean;
}

/** `doubletrack train`: trains a model over the ranks of this machine. */
export function addTrainCommand(program: Command): void {
  program
    .command('train')
    .description('Train a Mixture-of-Experts language model; without arguments, a small one on Moby Dick.')
    .argument('[config.toml]', 'the run (default: the values listed below)')
    .addOption(setOption())
    .option('--steps <n>', 'the same as --set train.steps=n')
    .option(
      '--from <dir>',
      "fine-tune the checkpoint of this folder or run: its model, its weights and its tokenizer in place of the config's",
    )
    .option('--out <run>', 'folder of the run (default: runs/ and the time)')
    .option('--resume <run>', 'go on from the last checkpoint of this run')
    .option(
      '--emulate-link <megabits>',
      'slow what ranks of this process send each other down to so many Mbit/s, to see what a link does (default: off)',
      parseNumber('--emulate-link', { from: 0.001, to: 1e6 }),
    )
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      () => `\nKeys:\n${formatKeys()}\n\nExample:\n  doubletrack train --steps 3 --out runs/example`,
    )
    .action(runTrain);
}

/** `--set`, of every command that takes a training config. */
export function setOption(): Option {
  return new Option('--set <key=value>', 'change one value, such as schedule.name=1f1b; may be repeated')
    .argParser((value, all: string[]) => [...all, value])
    .default([]);
}

function formatKeys(): string {
  return listTrainingKeys()
    .map(({ key, help, defaultText }) => `  ${key.padEnd(34)} ${help} (default: ${defaultText})`)
    .join('\n');
}

async function runTrain(file: string | undefined, flags: TrainFlags): Promise<void> {
  const { config, folder, resume } = chooseRun(file, flags);
  const speaks = (findLaunch(process.env)?.rank ?? 0) === 0;
  const stop = createStop((signal) => {
    const again = signal === 'SIGINT' ? 'press Ctrl-C again' : `${signal} was sent; press Ctrl-C`;
    if (speaks) process.stderr.write(`\nstopping after this step; ${again} to stop at once\n`);
  });
  try {
    const onEvent = createProgress(config);
    const onEnd = async (result: TrainingResult) => {
      if (result.steps.length === 0) return;
      const { emulateLink } = flags;
      const emulated = emulateLink === undefined ? {} : { emulatedLinkMegabits: emulateLink };
      const summary = { ...emulated, ...summarizeRun(result, config) };
      await writeSummary(folder, summary);
      // All is on disk: nothing that is only shown keeps a signal waiting.
      stop.end();
      const sample = result.stopped ? '' : await sampleText(result.checkpoint, result.samplePrompt);
      printSummary({ ...summary, sample }, result.steps, folder, flags);
    };
    const link = flags.emulateLink === undefined ? {} : { emulatedMegabits: flags.emulateLink };
    const { signal, listen: onFirstStep } = stop;
    const result = await trainModel({ config, folder, resume, onEvent, onFirstStep, onEnd, ...link, signal });
    if (result.stopped) throw stop.interruption();
  } finally {
    stop.end();
  }
}

function chooseRun(
  file: string | undefined,
  flags: TrainFlags,
): { config: TrainingConfig; folder: string; resume: boolean } {
  const steps = flags.steps === undefined ? [] : [`train.steps=${flags.steps}`];
  const overrides = [...(flags.from === undefined ? [] : checkpointOverrides(flags.from)), ...flags.set, ...steps];
  if (flags.resume === undefined) {
    const folder = flags.out ?? join('runs', new Date().toISOString().slice(0, 19).replaceAll(':', '-'));
    if (existsSync(join(folder, 'checkpoints'))) {
      throw new InputError({
        what: 'the folder holds a run already',
        where: folder,
        mend: `give another --out, or --resume ${folder}`,
      });
    }
    return { config: readTrainingConfig(file, overrides), folder, resume: false };
  }
  if (file !== undefined || flags.out !== undefined || flags.from !== undefined) {
    throw new InputError({
      what: '--resume takes its config and folder from the run',
      where: '--resume',
      mend: 'leave out the config, --from and --out; use --set',
    });
  }
  const config = join(flags.resume, 'config.toml');
  if (!existsSync(config))
    throw new InputError({ what: 'there is no run to resume', where: config, mend: 'give the folder of a run' });
  return { config: readTrainingConfig(config, overrides), folder: flags.resume, resume: true };
}

/** A line that is written over on a terminal; elsewhere a line every few seconds. */
function createProgress(config: TrainingConfig): (event: TrainingEvent) => void {
  const isTerminal = process.stderr.isTTY === true;
  let shown = -Infinity;
  let decisions = 0;
  return (event) => {
    switch (event.kind) {
      case 'start': {
        const { totalParameters, activeMatrixParameters } = modelFlops(config.model, config.data.sequenceLength);
        const { schedule, corpus } = { schedule: event.spec.schedule, corpus: event.corpus };
        process.stderr.write(
          `${formatCount(totalParameters)} parameters (${formatCount(activeMatrixParameters)} active), ${formatCount(corpus.training.length)} training tokens; ` +
            `${schedule.name}, ${schedule.ranks} ranks, ${schedule.microbatches} microbatches; step ${event.firstStep} of ${config.train.steps}\n`,
        );
        if (event.pinningObstacle !== undefined)
          process.stderr.write(`threads do not keep to cores of their own: ${event.pinningObstacle}\n`);
        break;
      }
      case 'step': {
        const { decision } = event.metrics;
        if (decision !== undefined) {
          const cost = decisions++ === 0 ? ` (${decision.moveCost})` : '';
          const start = isTerminal ? '\r\x1b[K' : '';
          process.stderr.write(`${start}after step ${decision.after}: ${decision.reason}${cost}\n`);
        }
        const isLast = event.metrics.step === config.train.steps;
        if (!isTerminal && !isLast && event.metrics.validationLoss === undefined && performance.now() - shown < 5000)
          return;
        shown = performance.now();
        const line = progressLine(event.metrics, config);
        process.stderr.write(
          isTerminal ? `\r\x1b[K${line}${event.metrics.validationLoss === undefined ? '' : '\n'}` : `${line}\n`,
        );
        break;
      }
      case 'note':
        process.stderr.write(`${event.note}\n`);
        break;
      case 'checkpoint':
        if (!isTerminal) process.stderr.write(`checkpoint ${event.folder}\n`);
        break;
      default:
        event satisfies never;
    }
  };
}

function progressLine(metrics: StepMetrics, { train: { steps }, parallel }: TrainingConfig): string {
  const { step, loss, validationLoss, tokensPerSecond, seconds, rankLoads } = metrics;
  const ranks = parallel.expert === 1 ? '' : `  ranks ${times(measureImbalance([rankLoads], parallel.expert))}`;
  const validation = validationLoss === undefined ? '' : `, validation ${validationLoss.toFixed(4)}`;
  const left = formatSeconds(seconds * (steps - step));
  return `step ${step}/${steps}  loss ${loss.toFixed(4)}${validation}  ${formatRate(tokensPerSecond, 'tokens')}${ranks}  ${left} left`;
}

const SAMPLE_TOKENS = 300;

/** What the trained model makes of the first words of the validation text. */
async function sampleText(checkpoint: string, prompt: string): Promise<string> {
  const { text } = await generateText({ checkpoint, prompt, tokens: SAMPLE_TOKENS, temperature: 0.7, seed: 1 });
  return text;
}

type PrintedSummary = WrittenSummary & { readonly sample: string };

function printSummary(
  summary: PrintedSummary,
  steps: readonly StepMetrics[],
  folder: string,
  { json }: TrainFlags,
): void {
  if (json === true) {
    process.stdout.write(`${escapeJsonControls(JSON.stringify({ run: folder, ...summary }))}\n`);
    return;
  }
  const validation =
    summary.validationLoss === undefined ? '' : `, validation loss ${summary.validationLoss.toFixed(4)} nats a token`;
  const width = Math.min(80, outputWidth());
  const curve = drawCurve(
    steps.map(({ loss }) => loss),
    { width, height: 10 },
  );
  process.stdout.write(
    [
      '',
      curve,
      `loss ${summary.lossFirst.toFixed(4)} -> ${summary.lossLast.toFixed(4)} in ${summary.steps} steps${validation}`,
      `${formatRate(summary.tokensPerSecond, 'tokens')} (median step)`,
      ...(summary.emulatedLinkMegabits === undefined
        ? []
        : [`all times are with an emulated link of ${summary.emulatedLinkMegabits} Mbit/s`]),
      formatRankShares(summary),
      `not computing: ${percent(summary.predictedBubble)} predicted by the simulator from the segments' times, ${percent(summary.measuredBubble)} measured`,
      ...(summary.balance === undefined ? [] : ['', formatBalance(summary.balance, width)]),
      ...(summary.sample === '' ? [] : ['', 'sample:', escapeControls(summary.sample), '']),
      `run folder: ${folder}`,
      '',
    ].join('\n'),
  );
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;

/** Where the time of each rank went; the columns but for the second sum to the whole. */
function formatRankShares({ ranks }: RunSummary): string {
  const header = ['rank', 'computing', 'communicating', 'not hidden', 'idle'];
  const rows = ranks.map(({ compute, communication, exposedCommunication, idle }, rank) => [
    String(rank),
    percent(compute),
    percent(communication),
    percent(exposedCommunication),
    percent(idle),
  ]);
  return formatTable([header, ...rows]);
}
