// The runs of the overlap benchmark: each is a training of some steps over the two namespaces.
import { join } from 'node:path';
import { lossDifference, median, summarizeRuns } from './overlap-statistics.mjs';
import { runAlone, runTraining } from './training-run.mjs';

const config = 'configs/overlap.toml';
const ranks = 2;
/** Largest relative difference of losses between two ways to run the same training. */
const mostLossDifference = 1e-5;
/** First step of each run, left out: kernels are compiled in it. */
const warmUpSteps = 1;
const limitSeconds = 1800;

export const variants = {
  plain: { name: '1f1b, no overlap', settings: ['schedule.name=1f1b', 'parallel.overlap=false'] },
  overlapped: { name: 'dualpipev, overlap', settings: ['schedule.name=dualpipev', 'parallel.overlap=true'] },
  pairsInTurn: { name: 'dualpipev, no overlap', settings: ['schedule.name=dualpipev', 'parallel.overlap=false'] },
};

/**
 * Trains the model shortly as threads of one process, so that its experts are about as busy as each other, as they are in a training. Gives the
 * checkpoint that all measured runs start from.
 */
export async function trainBalanced(folder, say) {
  const steps = 48;
  say(`training for ${steps} steps, so that the experts are balanced`);
  const run = join(folder, 'balanced');
  const settings = [`train.steps=${steps}`, 'schedule.microbatches=4'];
  const ended = await runAlone({ config, settings, folder: run, limitSeconds });
  checkEnd(ended, 'the training before');
  say(`balancedness ${ended.metrics.at(-1).balancedness.toFixed(2)} (mean expert load over largest)`);
  return join(run, 'checkpoints', String(steps));
}

/** One run of a variant: the metrics of its steps, without those of the warm-up, and the bytes that each host sent. */
export async function runVariant(context, variant, steps) {
  const { link, checkpoint, folder } = context;
  const settings = [...variant.settings, `train.steps=${steps + warmUpSteps}`, ...keptSettings(checkpoint)];
  context.runs = (context.runs ?? 0) + 1;
  const run = join(folder, `run-${context.runs}`);
  const ended = await runTraining({ link, ranks, config, settings, folder: run, limitSeconds });
  checkEnd(ended, variant.name);
  if (ended.metrics.length !== steps + warmUpSteps) throw new Error(`${variant.name}: ${ended.metrics.length} steps`);
  return { metrics: ended.metrics.slice(warmUpSteps), sentBytes: ended.sentBytes, folder: run };
}

const keptSettings = (checkpoint) => [`train.initial_checkpoint=${checkpoint}`];

function checkEnd({ exitCode, isHung, output }, what) {
  if (isHung) throw new Error(`${what}: hung, killed after ${limitSeconds} s:\n${output}`);
  if (exitCode !== 0) throw new Error(`${what}: exit code ${exitCode}:\n${output}`);
}

/**
 * Measures, without a limit, what a step computes and sends: the difference of two runs of different lengths is the steps' alone.
 *
 * @returns seconds that the busiest rank computes, and bytes of the busier direction, a step
 */
export async function measureLoad(context, steps) {
  const { link, say } = context;
  link.setRate(undefined);
  const [short, long] = [
    await runVariant(context, variants.plain, 1),
    await runVariant(context, variants.plain, 1 + steps),
  ];
  const bytes = Math.max(...long.sentBytes.map((count, host) => (count - short.sentBytes[host]) / steps));
  if (bytes < 1e6) throw new Error(`only ${bytes} bytes a step crossed the link: UCX does not use it`);
  const computeSeconds = Math.max(
    ...[0, 1].map((rank) => median(long.metrics.map((step) => step.computeSeconds[rank]))),
  );
  say(`a step computes for ${computeSeconds.toFixed(2)} s and sends ${(bytes / 1e6).toFixed(1)} MB each way`);
  return { computeSeconds, bytes };
}

/**
 * Runs two variants in turn, `rounds` times. Throws an Error unless their losses agree and the bytes of every step crossed the link.
 *
 * @returns summaries of both, and the largest difference of their losses
 */
export async function alternate(context, pair, { rounds, steps, bytes }) {
  const runs = pair.map(() => []);
  let difference = 0;
  for (let round = 0; round < rounds; round++) {
    for (const [index, variant] of pair.entries()) {
      const run = await runVariant(context, variant, steps);
      checkBytes(run, variant, bytes * (steps + warmUpSteps));
      runs[index].push(run.metrics);
      context.say(`round ${round + 1}/${rounds}: ${variant.name.padEnd(22)} ${medianStep(run).toFixed(3)} s a step`);
    }
    difference = Math.max(difference, lossDifference(runs[0][round], runs[1][round]));
  }
  if (!(difference <= mostLossDifference)) throw new Error(`the losses differ: by ${difference} relative`);
  return { summaries: runs.map((all, index) => summarizeRuns(pair[index].name, all)), lossDifference: difference };
}

const medianStep = ({ metrics }) => median(metrics.map(({ seconds }) => seconds));

/** Two schedules pack their messages differently, so a little less may cross. */
const leastShare = 0.9;

function checkBytes({ sentBytes }, { name }, expected) {
  const most = Math.max(...sentBytes);
  if (most < leastShare * expected)
    throw new Error(`${name}: only ${most} of ${expected} bytes crossed the link, so its limit did not count`);
}
