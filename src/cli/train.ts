import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { DoubletrackError, escapeJsonControls, InputError, WorkError } from '../base/index.js';
import { findLaunch, speakingTurn } from '../comm/index.js';
import { listTrainingKeys, placeError, type TracedConfig } from '../config/index.js';
import { readTracedConfig, type StepMetrics } from '../formats/index.js';
import {
  generateText,
  runPaths,
  summarizeRun,
  type TrainingEvent,
  type TrainingResult,
  trainModel,
  writeSummary,
} from '../train/index.js';
import { defaultFolder, lastSavedStep, resumeCommand } from './go-on.js';
import { checkOutputs, filesOf } from './input-files.js';
import { createStop } from './interrupted.js';
import { parseNumber } from './numbers.js';
import { writeNotes } from './output.js';
import { checkpointOverrides } from './train-from.js';
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
    .option('--resume <run>', 'go on from the last checkpoint of this run')
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
    .default([]);
}

function formatKeys(): string {
  return listTrainingKeys()
    .map(({ key, help, defaultText }) => `  ${key.padEnd(34)} ${help} (default: ${defaultText})`)
    .join('\n');
}

async function runTrain(file: string | undefined, flags: TrainFlags): Promise<void> {
  let chosen: ChosenRun | undefined;
  let hasStarted = false;
  try {
    chosen = chooseRun(file, flags);
    await train(chosen, flags, () => {
      hasStarted = true;
    });
  } catch (error) {
    if (chosen !== undefined && hasStarted) throw withWayOn(error, chosen);
    const launch = findLaunch(process.env);
    // All ranks find the same.
    if (error instanceof InputError && launch !== undefined) await speakingTurn(launch);
    throw chosen === undefined ? error : placeError(error, chosen.sources);
  }
}

/** Trains as chosen; `onStart` is called when the ranks are ready. */
async function train(chosen: ChosenRun, flags: TrainFlags, onStart: () => void): Promise<void> {
  const { config, folder, resume } = chosen;
  const speaks = (findLaunch(process.env)?.rank ?? 0) === 0;
  const stop = createStop((signal) => {
    const again = signal === 'SIGINT' ? 'press Ctrl-C again' : `${signal} was sent; press Ctrl-C`;
    if (speaks) process.stderr.write(`\nstopping after this step; ${again} to stop at once\n`);
  });
  try {
    const showEvent = createProgress(config, folder);
    const onEvent = (event: TrainingEvent) => {
      if (event.kind === 'start') onStart();
      showEvent(event);
    };
    const onEnd = async (result: TrainingResult) => {
      if (result.steps.length === 0) return;
      const { emulateLink } = flags;
      const emulated = emulateLink === undefined ? {} : { emulatedLinkMegabits: emulateLink };
      const summary = { ...emulated, ...summarizeRun(result, config) };
      await writeSummary(folder, summary);
      const sample = result.stopped ? '' : await sampleText(result.checkpoint, result.samplePrompt);
      printSummary({ ...summary, sample }, result.steps, folder, flags);
    };
    const link = flags.emulateLink === undefined ? {} : { emulatedMegabits: flags.emulateLink };
    const { signal, listen: onFirstStep } = stop;
    const result = await trainModel({ config, folder, resume, onEvent, onFirstStep, onEnd, ...link, signal });
    if (speaks) process.stderr.write(`go on: ${wayOn(chosen, result.stopped)}\n`);
    if (result.stopped) throw stop.interruption();
  } finally {
    stop.end();
  }
}

/** The command that goes on with a run: one that is over needs more steps. */
function wayOn({ config, folder }: ChosenRun, isStopped: boolean): string {
  const { parallel, train } = config;
  const more = isStopped ? '' : ` --steps ${2 * train.steps}`;
  return resumeCommand(folder, parallel.pipeline * parallel.expert, more);
}

/** What ended a run that had started, with how to go on from its last checkpoint. */
function withWayOn(error: unknown, chosen: ChosenRun): unknown {
  if (!(error instanceof DoubletrackError)) return error;
  const step = lastSavedStep(chosen.folder);
  const way = step === undefined ? 'no checkpoint was saved yet' : `go on from step ${step}: ${wayOn(chosen, true)}`;
  const { mend } = error.problem;
  const problem = { ...error.problem, mend: mend === undefined ? way : `${mend}; ${way}` };
  return error instanceof InputError
    ? new InputError(problem, { cause: error })
    : new WorkError(problem, { cause: error });
}

/** What a call asks for, and where the values of the config were written. */
interface ChosenRun extends TracedConfig {
  readonly folder: string;
  readonly resume: boolean;
}

function chooseRun(file: string | undefined, flags: TrainFlags): ChosenRun {
  const { steps } = flags;
  const overrides = [
    ...(flags.from === undefined ? [] : checkpointOverrides(flags.from)),
    ...flags.set,
    ...(steps === undefined ? [] : [{ text: `train.steps=${steps}`, where: `--steps ${steps}` }]),
  ];
  if (flags.resume === undefined) {
    const folder = flags.out ?? defaultFolder();
    if (existsSync(join(folder, 'checkpoints'))) {
      throw new InputError({
        what: 'the folder holds a run already',
        where: folder,
        mend: `give another --out, or --resume ${folder}`,
      });
    }
    const traced = readTracedConfig(file, overrides);
    checkOutputs(Object.values(runPaths(folder)), [file, ...filesOf(traced.config)]);
    return { ...traced, folder, resume: false };
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
  return { ...readTracedConfig(config, overrides), folder: flags.resume, resume: true };
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
