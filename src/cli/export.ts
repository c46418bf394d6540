import { existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { Command } from 'commander';
import { InputError } from '../base/index.js';
import { formatTensorBoard, type StepMetrics, writeFileWhole } from '../formats/index.js';
import { readMetrics, runPaths } from '../train/index.js';
import { quoteWord } from './own-command.js';

interface ExportFlags {
  readonly tensorboard: string;
  readonly json?: boolean;
}

/**
 * Always the same, so that another export takes the place of the one before; TensorBoard asks for the word in the
 * middle.
 */
const eventFile = 'events.out.tfevents.0.doubletrack';

/** `doubletrack export`: runs for other programs. */
export function addExportCommand(program: Command): void {
  program
    .command('export')
    .description('Write the metrics of runs as event files, which TensorBoard shows.')
    .argument('<run...>', 'folders of runs, which may be going on')
    .requiredOption('--tensorboard <folder>', 'log folder of TensorBoard; each run has a folder of its own in it')
    .option('--json', 'print the files that were written as JSON')
    .addHelpText('after', '\nExample:\n  doubletrack export runs/example --tensorboard logs')
    .action(exportRuns);
}

async function exportRuns(runs: readonly string[], { tensorboard, json }: ExportFlags): Promise<void> {
  if (tensorboard === '') throw new InputError({ what: 'the name of the folder is empty', where: '--tensorboard' });
  const files = new Map(runs.map((run) => [basename(resolve(run)), run]));
  if (files.size < runs.length)
    throw new InputError({
      what: 'several of these runs have the same name',
      where: runs.join(', '),
      mend: 'export them one by one, to different folders',
    });
  const written: { run: string; file: string; steps: number }[] = [];
  for (const [name, run] of files) {
    const steps = readAllMetrics(run);
    const folder = join(tensorboard, name);
    makeFolder(folder);
    const file = join(folder, eventFile);
    await writeFileWhole(file, formatTensorBoard(steps, startOf(run, steps)));
    written.push({ run, file, steps: steps.length });
  }
  const lines = written.map(({ file, steps }) => `${file}: ${steps} step${steps === 1 ? '' : 's'}`);
  const text = [...lines, `show them: tensorboard --logdir ${quoteWord(tensorboard)}`, ''].join('\n');
  process.stdout.write(json === true ? `${JSON.stringify({ files: written })}\n` : text);
}

/** Throws `InputError` where there can be no folder. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true });
  } catch (error) {
    throw new InputError(
      { what: 'there can be no folder', where: path, mend: 'give another --tensorboard' },
      { cause: error },
    );
  }
}

/** Throws `InputError` if the folder is no run with a step. */
function readAllMetrics(run: string): StepMetrics[] {
  const steps: StepMetrics[] = [];
  let part = readMetrics(run);
  steps.push(...part.lines);
  while (part.hasMore && part.next !== undefined) {
    part = readMetrics(run, part.next);
    if (part.isAnew) steps.length = 0;
    steps.push(...part.lines);
  }
  if (steps.length > 0) return steps;
  const { metrics } = runPaths(run);
  throw new InputError({
    what: existsSync(metrics) ? 'the run has no step yet' : 'there is no run',
    where: metrics,
    mend: existsSync(metrics) ? 'wait for its first step' : 'give the folder of a run',
  });
}

/** Metrics have no time of day: the last step ended when the file was written last. */
function startOf(run: string, steps: readonly StepMetrics[]): number {
  const end = statSync(runPaths(run).metrics).mtimeMs / 1000;
  return end - steps.reduce((sum, { seconds }) => sum + seconds, 0);
}
