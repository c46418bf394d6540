import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import { formatBytes, formatRate, formatSeconds, InputError } from '../base/index.js';
import type { TrainingConfig } from '../config/index.js';
import { readTrainingConfig, writeTrainingConfig } from '../formats/index.js';
import { measureSpread, type RaceProgress, stepWork, type Trial, type TuneResult, tuneConfig } from '../train/index.js';
import { checkOutputs, filesOf } from './input-files.js';
import { createStop } from './interrupted.js';
import { parseNumber } from './numbers.js';
import { replaceOutput } from './output.js';
import { formatTable } from './table.js';
import { setOption } from './train.js';

interface TuneFlags {
  readonly set: readonly string[];
  readonly seconds: number;
  readonly out?: string;
  readonly json?: boolean;
}

const defaultFile = 'tuned.toml';

/** `doubletrack tune`: finds the fastest way to run a config on this machine. */
export function addTuneCommand(program: Command): void {
  program
    .command('tune')
    .description(
      'Find the fastest layout, threads, schedule and microbatch size for a config on this machine, by short real runs.',
    )
    .argument('[config.toml]', 'the run (default: the values that train --help lists)')
    .addOption(setOption())
    .option(
      '--seconds <n>',
      'about how long it may take',
      parseNumber('--seconds', { from: 1, to: 86_400, whole: false }),
      300,
    )
    .option('--out <file.toml>', `config that it writes (default: ${defaultFile}, which must not be there yet)`)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  doubletrack tune --seconds 8 --set data.sequence_length=32 --out fast.toml')
    .action(runTune);
}

async function runTune(file: string | undefined, flags: TuneFlags): Promise<void> {
  const out = chooseOutput(flags.out);
  const config = readTrainingConfig(file, flags.set);
  checkOutputs([out], [file, ...filesOf(config)]);
  const result = await tune(config, flags.seconds);
  const report = createReport(result);
  await replaceOutput(out, () => writeTrainingConfig(out, result.best.candidate, describeBest(report)));
  process.stdout.write(flags.json === true ? `${JSON.stringify({ ...report, out })}\n` : formatReport(report, out));
}

/** Throws `InputError` where a file would be lost that nobody named. */
function chooseOutput(out: string | undefined): string {
  const path = out ?? defaultFile;
  if (path === '') throw new InputError({ what: 'the name of the output file is empty', where: '--out' });
  if (!existsSync(path)) return path;
  if (out === undefined)
    throw new InputError({ what: 'the file is there already', where: path, mend: 'give --out FILE.toml' });
  return path;
}

/** Ctrl-C ends the run under way at once. */
async function tune(config: TrainingConfig, seconds: number): Promise<TuneResult> {
  const stop = createStop(() => undefined);
  stop.listen();
  try {
    return await tuneConfig({
      config,
      cores: availableParallelism(),
      seconds,
      signal: stop.signal,
      onStart({ candidates, refused }) {
        const others = [...refused.values()].reduce((sum, count) => sum + count, 0);
        process.stderr.write(
          `${candidates} candidates on ${availableParallelism()} cores, ${others} more are not possible; about ${formatSeconds(seconds)}\n`,
        );
      },
      onRun: (progress) => process.stderr.write(`${progressLine(progress)}\n`),
    });
  } catch (error) {
    if (stop.signal.aborted) throw stop.interruption();
    throw error;
  } finally {
    stop.end();
  }
}

function progressLine({ round, run, runs, trial, secondsLeft }: RaceProgress<TrainingConfig>): string {
  const outcome = trial.failure ?? formatRate(createRow(trial).tokensPerSecond, 'tokens');
  return `round ${round}, ${run} of ${runs}: ${describe(trial.candidate)}: ${outcome}; ${formatSeconds(Math.round(secondsLeft))} left`;
}

function describe({ parallel, schedule }: TrainingConfig): string {
  const { pipeline, expert, computeThreads, affinity } = parallel;
  const threads = `${computeThreads} thread${computeThreads === 1 ? '' : 's'}`;
  const pinned = affinity === 'cores' ? ' on cores of their own' : '';
  return `pipeline ${pipeline}, expert ${expert}, ${threads}${pinned}, ${schedule.name}, ${schedule.microbatches} x ${schedule.microbatchSize}`;
}

type Row = ReturnType<typeof createRow>;

/** One trial as JSON has it. */
function createRow({ candidate, stepSeconds, peakMemoryBytes }: Trial<TrainingConfig>) {
  const { parallel, schedule } = candidate;
  const spread = measureSpread(stepSeconds);
  return {
    pipeline: parallel.pipeline,
    expert: parallel.expert,
    computeThreads: parallel.computeThreads,
    affinity: parallel.affinity,
    overlap: parallel.overlap,
    schedule: schedule.name,
    microbatches: schedule.microbatches,
    microbatchSize: schedule.microbatchSize,
    steps: stepSeconds.length,
    stepSeconds: spread,
    tokensPerSecond: stepWork(candidate).tokens / spread.median,
    peakMemoryBytes,
  };
}

type Report = ReturnType<typeof createReport>;

/** The JSON document, but for the file that is written. */
function createReport({ trials, best, given, isClear, refused, untried }: TuneResult) {
  const row = createRow(best);
  return {
    cores: availableParallelism(),
    sequencesPerStep: best.candidate.parallel.expert * row.microbatches * row.microbatchSize,
    best: row,
    isClear,
    given: given === undefined ? null : createRow(given),
    gain: given === undefined ? null : row.tokensPerSecond / createRow(given).tokensPerSecond,
    isGainClear: given !== undefined && Math.max(...best.stepSeconds) < Math.min(...given.stepSeconds),
    candidates: trials.filter(({ failure }) => failure === undefined).map(createRow),
    failed: trials.flatMap(({ candidate, failure }) =>
      failure === undefined ? [] : [{ candidate: describe(candidate), failure }],
    ),
    refused: Object.fromEntries(refused),
    untried,
  };
}

/** What is told of the best. */
interface FoundBest extends Pick<Report, 'cores' | 'isClear' | 'gain' | 'isGainClear'> {
  readonly best: Pick<Row, 'tokensPerSecond' | 'stepSeconds' | 'steps'>;
  readonly given: Pick<Row, 'stepSeconds'> | null;
}

/** What was measured, for the head of the file and the end of the report. */
export function describeBest(report: FoundBest): string[] {
  const { cores, best, isClear } = report;
  const { median, min, max } = best.stepSeconds;
  const noise = isClear ? '' : ' The next best is within the noise.';
  return [
    `Found by doubletrack tune on ${cores} cores: ${formatRate(best.tokensPerSecond, 'tokens')},`,
    `${formatStep(median)} s a step [${formatStep(min)}..${formatStep(max)}] in ${best.steps} steps${describeGain(report)}.${noise}`,
  ];
}

/** How much faster than the config as given; no ratio where the steps of both took as long as each other's. */
function describeGain({ given, gain, isGainClear }: FoundBest): string {
  if (given === null || gain === null) return '';
  if (gain === 1) return '; it is the config as given';
  if (isGainClear) return `; ${gain.toFixed(2)}x the config as given`;
  const { min, max } = given.stepSeconds;
  return `; within the noise of the config as given [${formatStep(min)}..${formatStep(max)}]`;
}

function formatReport(report: Report, out: string): string {
  const { candidates, failed, refused, untried } = report;
  const header = ['schedule', 'pipeline', 'expert', 'threads', 'affinity', 'microbatches', 'tokens/s'];
  const rows = candidates.map((row) => formatRow(row));
  const table = formatTable([[...header, 'seconds a step', 'steps', 'peak memory'], ...rows]);
  const lines = [
    ...failed.map(({ candidate, failure }) => `failed: ${candidate}: ${failure}`),
    ...Object.entries(refused).map(([reason, count]) => `not possible: ${count} x ${reason}`),
    ...(untried === 0 ? [] : [`no time for ${untried} more candidates; give a larger --seconds`]),
    ...describeBest(report),
    `config: ${out}`,
  ];
  return `${table}\n${lines.join('\n')}\n`;
}

function formatRow({ stepSeconds: { median, min, max }, ...row }: Row): string[] {
  return [
    row.schedule,
    String(row.pipeline),
    String(row.expert),
    String(row.computeThreads),
    row.affinity,
    `${row.microbatches} x ${row.microbatchSize}`,
    row.tokensPerSecond.toFixed(0),
    `${formatStep(median)} [${formatStep(min)}..${formatStep(max)}]`,
    String(row.steps),
    formatBytes(row.peakMemoryBytes),
  ];
}

function formatStep(seconds: number): string {
  return seconds.toPrecision(3);
}
