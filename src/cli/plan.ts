import { dirname, isAbsolute, join } from 'node:path';
import type { Command } from 'commander';
import { formatSeconds, InputError, WorkError } from '../base/index.js';
import { readJson, readToml } from '../formats/index.js';
import {
  adviseSearch,
  type CostBasis,
  type LayoutSearchResult,
  type PlanRequest,
  readBasis,
  searchLayouts,
} from '../plan/index.js';
import { readScheduleName, type ScheduleName, scheduleNames } from '../schedule/index.js';
import { parseNumber } from './numbers.js';
import { writeOutput } from './output.js';
import { type PrintedSearch, printJson, printText } from './plan-output.js';
import { createReporter } from './progress.js';

interface PlanFlags {
  readonly model: string;
  readonly cluster: string;
  readonly sequencesPerStep: number;
  readonly sequenceLength: number;
  readonly schedule?: ScheduleName;
  readonly pipeline?: number;
  readonly expert?: number;
  readonly microbatchSize?: number;
  readonly calibration?: string;
  readonly top: number;
  readonly json?: boolean;
}

const maxBytes = 2 ** 20;
const largestCount = 1e9;

/** `doubletrack plan`: which layout trains a model fastest on a cluster, how long a step takes, and why. */
export function addPlanCommand(program: Command): void {
  const count = (flag: string, to = largestCount) => parseNumber(flag, { from: 1, to, whole: true });
  program
    .command('plan')
    .description('Predict every layout of a model on a cluster, and rank those that fit.')
    .requiredOption('--model <config.json>', "a Hugging Face model's config.json")
    .requiredOption('--cluster <file.toml>', 'the cluster: nodes, GPUs, links, and what was measured on them')
    .requiredOption('--sequences-per-step <count>', 'sequences of an optimizer step', count('--sequences-per-step'))
    .requiredOption('--sequence-length <tokens>', 'tokens of a sequence', count('--sequence-length', 2 ** 24))
    .option('--schedule <name>', `only this schedule: ${scheduleNames.join(', ')} (default: all)`, (name) =>
      readScheduleName(name),
    )
    .option(
      '--pipeline <ranks>',
      'only so many pipeline ranks (default: all divisors of the GPUs)',
      count('--pipeline'),
    )
    .option('--expert <ranks>', 'only so many ranks that share the experts (default: all)', count('--expert'))
    .option('--microbatch-size <sequences>', 'only this size (default: 1, 2, 4, 8)', count('--microbatch-size'))
    .option(
      '--calibration <file>',
      "measured step to fit to, or none for first principles (default: the cluster file's, if it names one)",
    )
    .option('--top <count>', 'plans to print', count('--top'), 10)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
All times are predicted: from work, bytes and the profile in the cluster file, and by simulating each layout's schedule; see docs/planning.md.

Example:
  doubletrack plan --model configs/deepseek-v3.json --cluster configs/h800-2048.toml --sequences-per-step 15360 --sequence-length 4096`,
    )
    .action(async (flags: PlanFlags) => {
      const search = runSearch(flags);
      await writeOutput(flags.json === true ? printJson(search) : printText(search), undefined);
    });
}

function runSearch(flags: PlanFlags): PrintedSearch {
  const { model, cluster, calibration, top } = flags;
  if (calibration === '') throw new InputError({ what: 'the name of the file is empty', where: '--calibration' });
  const files = { model, cluster, ...(calibration === undefined ? {} : { calibration }) };
  const read = readBasis(files, { readJson: (path) => readJson(path, { maxBytes }), readToml, resolve: besides });
  const result = searchWithProgress(read.basis, flags);
  if (result.plans.length === 0) {
    const reasons = Object.entries(result.rejected).filter(([, count]) => count > 0);
    throw new WorkError({
      what: `no layout fits: ${reasons.map(([reason, count]) => `${count} rejected for ${reason}`).join(', ')}`,
      mend: adviseSearch(read.basis, flags, result),
    });
  }
  return { ...read, request: flags, result, top };
}

function searchWithProgress(basis: CostBasis, request: PlanRequest): LayoutSearchResult {
  const report = createReporter();
  const start = performance.now();
  const result = searchLayouts(basis, request, (done, layouts) => {
    const seconds = (performance.now() - start) / 1000;
    report.show(
      `plan: ${done} of ${layouts} layouts, ${Math.round(done / seconds)} a second, ${formatSeconds((seconds * (layouts - done)) / done)} left`,
    );
  });
  report.end();
  return result;
}

/** Paths in a file are relative to it. */
function besides(path: string, file: string): string {
  return isAbsolute(path) ? path : join(dirname(file), path);
}
