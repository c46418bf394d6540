import { type Command, Option } from 'commander';
import { DoubletrackError, escapeJsonControls, InputError, WorkError } from '../base/index.js';
import { findLaunch, speakingTurn } from '../comm/index.js';
import { listTrainingKeys, placeError, type TrainingConfig } from '../config/index.js';
import type { StepMetrics } from '../formats/index.js';
import {
  generateText,
  summarizeRun,
  type TrainingEvent,
  type TrainingResult,
  trainModel,
  writeSummary,
} from '../train/index.js';
import { type ChosenRun, chooseRun } from './choose-run.js';
import { lastSavedStep, resumeCommand } from './go-on.js';
import { createStop } from './interrupted.js';
import { parseNumber } from './numbers.js';
import { writeNotes } from './output.js';
import { createProgress } from './train-progress.js';
import { formatSummary, type PrintedSummary } from './train-summary.js';

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
    .option('--resume <run>', 'go on from the last checkpoint of this run; RUN/checkpoints/STEP is from that step')
    .option(
      '--emulate-link <megabits>',
      'slow what ranks of this process send each other down to so many Mbit/s, to see what a link does (default: off)',
      parseNumber('--emulate-link', { from: 0.001, to: 1e6 }),
    )
    .option('--json', 'print the summary as JSON')
    .addHelpText(
      'after',
      () =>
        `\nKeys:\n${formatKeys()}\n\nLists of texts:\n  --set 'data.text=["a.txt", "b.txt"]', --set data.text=a.txt,b.txt, ` +
        `--set data.text=folder, --set 'data.text=texts/**/*.md'` +
        `\n\nExample:\n  doubletrack train --steps 3 --out runs/example`,
    )
    .action(runTrain);
}

/** `--set`, of every command that takes a training config. */
export function setOption(): Option {
  return new Option('--set <key=value>', 'change one value, such as schedule.name=1f1b; may be repeated')
    .argParser((value, all: string[]) => [...all, value])
    .default([], 'none');
}

function formatKeys(): string {
  return listTrainingKeys()
    .map(({ key, help, expects, defaultText }) => {
      const choices = expects.startsWith('"') ? `${expects}; ` : '';
      return `  ${key.padEnd(34)} ${help} (${choices}default: ${defaultText})`;
    })
    .join('\n');
}

async function runTrain(file: string | undefined, flags: TrainFlags): Promise<void> {
  let chosen: ChosenRun | undefined;
  let started: string | undefined;
  try {
    chosen = chooseRun(file, flags);
    await train(chosen, flags, (folder) => {
      started = folder;
    });
  } catch (error) {
    if (chosen !== undefined && started !== undefined) throw withWayOn(error, chosen, started);
    const launch = findLaunch(process.env);
    // All ranks find the same.
    if (error instanceof InputError && launch !== undefined) await speakingTurn(launch);
    throw chosen === undefined ? error : placeError(error, chosen.sources);
  }
}

/** Trains as chosen; `onStart` is called with the run's folder when the ranks are ready. */
async function train(chosen: ChosenRun, flags: TrainFlags, onStart: (folder: string) => void): Promise<void> {
  const { config, place } = chosen;
  const speaks = (findLaunch(process.env)?.rank ?? 0) === 0;
  const stop = createStop((signal) => {
    const again = signal === 'SIGINT' ? 'press Ctrl-C again' : `${signal} was sent; press Ctrl-C`;
    if (speaks) process.stderr.write(`\nstopping after this step; ${again} to stop at once\n`);
  });
  try {
    const showEvent = createProgress(config);
    const onEvent = (event: TrainingEvent) => {
      if (event.kind === 'start') onStart(event.folder);
      showEvent(event);
    };
    const onEnd = async (result: TrainingResult) => {
      if (result.steps.length === 0) return;
      const { emulateLink } = flags;
      const emulated = emulateLink === undefined ? {} : { emulatedLinkMegabits: emulateLink };
      const summary = { ...emulated, ...summarizeRun(result, config) };
      await writeSummary(result.folder, summary);
      const sample = result.stopped ? '' : await sampleText(result.checkpoint, result.samplePrompt);
      printSummary({ ...summary, sample }, result.steps, result.folder, flags);
    };
    const link = flags.emulateLink === undefined ? {} : { emulatedMegabits: flags.emulateLink };
    const { signal, listen: onFirstStep } = stop;
    const result = await trainModel({ config, place, onEvent, onFirstStep, onEnd, ...link, signal });
    if (result === undefined) return;
    if (speaks) process.stderr.write(`go on: ${wayOn(config, result.folder, result.stopped)}\n`);
    if (result.stopped) throw stop.interruption();
  } finally {
    stop.end();
  }
}

/** The command that goes on with a run: one that is over needs more steps. */
function wayOn({ parallel, train }: TrainingConfig, folder: string, isStopped: boolean): string {
  const more = isStopped ? '' : ` --steps ${2 * train.steps}`;
  return resumeCommand(folder, parallel.pipeline * parallel.expert, more);
}

/** What ended a run that had started, with how to go on from its last checkpoint. */
function withWayOn(error: unknown, { config }: ChosenRun, folder: string): unknown {
  if (!(error instanceof DoubletrackError)) return error;
  const { mend } = error.problem;
  // It says how itself.
  if (mend?.includes('--resume') === true) return error;
  const step = lastSavedStep(folder);
  const way = `${step === undefined ? 'begin again' : `go on from step ${step}`}: ${wayOn(config, folder, true)}`;
  const problem = { ...error.problem, mend: mend === undefined ? way : `${mend}; ${way}` };
  return error instanceof InputError
    ? new InputError(problem, { cause: error })
    : new WorkError(problem, { cause: error });
}

const SAMPLE_TOKENS = 300;

/** What the trained model makes of the first words of the validation text. */
async function sampleText(checkpoint: string, prompt: string): Promise<string> {
  try {
    const { text } = await generateText({ checkpoint, prompt, tokens: SAMPLE_TOKENS, temperature: 0.7, seed: 1 });
    return text;
  } catch (error) {
    // What the run was for is done and on disk; a sample takes memory of its own.
    if (!(error instanceof WorkError)) throw error;
    writeNotes([`there is no sample: ${error.message}`]);
    return '';
  }
}

function printSummary(
  summary: PrintedSummary,
  steps: readonly StepMetrics[],
  folder: string,
  { json }: TrainFlags,
): void {
  const text =
    json === true
      ? `${escapeJsonControls(JSON.stringify({ run: folder, ...summary }))}\n`
      : formatSummary(summary, steps, folder);
  process.stdout.write(text);
}
