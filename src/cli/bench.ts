import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { formatBytes, InputError } from '../base/index.js';
import { type TrainingConfig, withSchedule } from '../config/index.js';
import { readTrainingConfig } from '../formats/index.js';
import {
  benchmarkInProcess,
  createMatmulBenchmark,
  createTrainingBenchmark,
  measureSpread,
  type Spread,
  stepWork,
  type TrainingBenchmark,
} from '../train/index.js';
import { benchBalance } from './bench-balance.js';
import { benchSchedule } from './bench-schedule.js';
import { parseNumber } from './numbers.js';
import { formatTable } from './table.js';

interface BenchFlags {
  readonly config?: string;
  readonly repeats: number;
  readonly json?: boolean;
}

/** `doubletrack bench`: medians of repeats, what is compared alternating in one call. */
export function addBenchCommand(program: Command): void {
  program
    .command('bench')
    .description('Measure this machine: a plain product, training steps beside it, expert placement, or schedules.')
    .argument('<what>', 'matmul, train, balance or schedule')
    .option('--config <config>', 'of train: small, medium or a file (default: small)')
    .option('--repeats <n>', 'timed rounds', parseNumber('--repeats', { from: 1, to: 1000, whole: true }), 5)
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample:\n  doubletrack bench matmul --repeats 3')
    .action(async (what: string, flags: BenchFlags) => {
      if (flags.config !== undefined && what !== 'train') {
        throw new InputError({ what: '--config is for train alone', mend: 'leave it out' });
      }
      if (what === 'matmul') benchMatmul(flags);
      else if (what === 'train') await benchTrain(flags);
      else if (what === 'balance') benchBalance(flags);
      else if (what === 'schedule') benchSchedule(flags);
      else
        throw new InputError({
          what: `there is no benchmark '${what}'`,
          mend: 'use matmul, train, balance or schedule',
        });
    });
}

function benchMatmul({ repeats, json }: BenchFlags): void {
  const matmul = createMatmulBenchmark();
  matmul();
  const gflops = measureSpread(Array.from({ length: repeats }, matmul));
  const text = `1024 x 1024 x 1024 on one thread: ${gflops.median.toFixed(1)} GFLOP/s [${gflops.min.toFixed(1)}..${gflops.max.toFixed(1)}]`;
  process.stdout.write(`${json === true ? JSON.stringify({ matmulGflops: gflops }) : text}\n`);
}

/** The file of a config by its name in the package, or the path itself. */
function readConfig(name: string): TrainingConfig {
  const packaged = fileURLToPath(new URL(`../../../configs/${name}.toml`, import.meta.url));
  return readTrainingConfig(/^[a-z]+$/.test(name) && existsSync(packaged) ? packaged : name);
}

interface Candidate {
  readonly ranks: number;
  readonly schedule: string;
  readonly config: TrainingConfig;
}

/** One rank without a pipeline, the config's own layout, and other schedules on as many ranks. */
function listCandidates(config: TrainingConfig): Candidate[] {
  const ranks = Math.max(2, config.parallel.pipeline);
  const names = [...new Set([config.schedule.name, 'dualpipe', '1f1b'] as const)];
  const candidate = (pipeline: number, name: TrainingConfig['schedule']['name']): Candidate => ({
    ranks: pipeline,
    schedule: name,
    config: { ...withSchedule(config, name), parallel: { ...config.parallel, pipeline } },
  });
  return [candidate(1, '1f1b'), ...names.map((name) => candidate(ranks, name))];
}

interface BenchResult {
  readonly ranks: number;
  readonly schedule: string;
  readonly stepSeconds: Spread;
  readonly tokensPerSecond: number;
  readonly gflops: number;
  readonly shareOfMatmul: number;
  readonly peakMemoryBytes: number;
}

const WARM_UP_STEPS = 2;
const MEMORY_STEPS = 3;

async function benchTrain(flags: BenchFlags): Promise<void> {
  const candidates = listCandidates(readConfig(flags.config ?? 'small'));
  const memory: number[] = [];
  for (const { ranks, schedule, config } of candidates) {
    process.stderr.write(`memory of ${schedule} on ${ranks} ranks ...\n`);
    const { peakMemoryBytes } = await benchmarkInProcess({ config, leastSteps: MEMORY_STEPS, seconds: 0 });
    memory.push(peakMemoryBytes);
  }
  const { matmulGflops, seconds } = await timeRounds(candidates, flags.repeats);
  const runs = candidates.map(({ ranks, schedule, config }, index): BenchResult => {
    const stepSeconds = measureSpread(seconds[index]);
    const { flops, tokens } = stepWork(config);
    const gflops = flops / 1e9 / stepSeconds.median;
    const shareOfMatmul = gflops / matmulGflops / ranks;
    return {
      ranks,
      schedule,
      stepSeconds,
      tokensPerSecond: tokens / stepSeconds.median,
      gflops,
      shareOfMatmul,
      peakMemoryBytes: memory[index],
    };
  });
  const speedup = runs[0].stepSeconds.median / runs[1].stepSeconds.median;
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify({ matmulGflops, runs, speedup })}\n`
      : formatRuns(matmulGflops, runs, speedup),
  );
}

/** Times the product and every candidate once a round, so that a disturbance hits all alike. Idle ranks sleep. */
async function timeRounds(
  candidates: readonly Candidate[],
  repeats: number,
): Promise<{ matmulGflops: number; seconds: number[][] }> {
  const matmul = createMatmulBenchmark();
  const benchmarks: TrainingBenchmark[] = [];
  try {
    for (const { config } of candidates) benchmarks.push(await createTrainingBenchmark(config));
    const seconds: number[][] = candidates.map(() => []);
    const rates: number[] = [];
    for (let round = -WARM_UP_STEPS; round < repeats; round++) {
      const rate = matmul();
      if (round >= 0) rates.push(rate);
      for (const [index, benchmark] of benchmarks.entries()) {
        const time = await benchmark.step();
        if (round >= 0) seconds[index].push(time);
      }
      process.stderr.write(
        `round ${round + WARM_UP_STEPS + 1} of ${repeats + WARM_UP_STEPS}${round < 0 ? ' (warm-up)' : ''}\n`,
      );
    }
    return { matmulGflops: measureSpread(rates).median, seconds };
  } finally {
    await Promise.all(benchmarks.map((benchmark) => benchmark.close()));
  }
}

function formatRuns(matmulGflops: number, runs: readonly BenchResult[], speedup: number): string {
  const header = ['ranks', 'schedule', 'seconds a step', 'tokens/s', 'GFLOP/s', 'of a product', 'peak memory'];
  const rows = runs.map((run) => [
    String(run.ranks),
    run.schedule,
    `${run.stepSeconds.median.toFixed(2)} [${run.stepSeconds.min.toFixed(2)}..${run.stepSeconds.max.toFixed(2)}]`,
    run.tokensPerSecond.toFixed(0),
    run.gflops.toFixed(1),
    `${(100 * run.shareOfMatmul).toFixed(1)}%`,
    formatBytes(run.peakMemoryBytes),
  ]);
  const table = formatTable([header, ...rows]);
  return `${table}plain product on one thread: ${matmulGflops.toFixed(1)} GFLOP/s; speedup ${speedup.toFixed(2)}\n`;
}
