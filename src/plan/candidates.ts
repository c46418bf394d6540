import { type ScheduleConfig, sequencesPerStep, type TrainingConfig, withSchedule } from '../config/index.js';

/** How many ranks there are, and threads each computes with. */
interface MachineLayout {
  readonly pipeline: number;
  readonly expert: number;
  readonly computeThreads: number;
}

/** Microbatches up to this many times as large or small as the config's own are tried. */
const largestSizeRatio = 4;

/**
 * Ways to run a config on a machine of `cores` cores: other layouts, schedules and microbatch sizes, the same global batch. The config as given is the first; the others overlap.
 * Then each layout comes once before any comes a second time, those that use most cores first, so that whoever runs out of time has seen each. Whether a schedule's limits and
 * the model's layers allow a candidate is for the caller to ask.
 */
export function listCandidates(config: TrainingConfig, cores: number): TrainingConfig[] {
  const byLayout = listLayouts(config, cores).map((layout) => listVariants(config, layout));
  const longest = Math.max(0, ...byLayout.map((variants) => variants.length));
  const inTurn = Array.from({ length: longest }, (_, turn) => byLayout.flatMap((variants) => variants[turn] ?? []));
  const seen = new Set<string>();
  return [config, ...inTurn.flat()].filter((candidate) => {
    const key = keyOf(candidate);
    return seen.size < seen.add(key).size;
  });
}

/** The same with its threads on cores of their own if they are not, and the other way round. */
export function withOtherAffinity(config: TrainingConfig): TrainingConfig {
  const affinity = config.parallel.affinity === 'none' ? 'cores' : 'none';
  return { ...config, parallel: { ...config.parallel, affinity } };
}

function keyOf({ parallel, schedule }: TrainingConfig): string {
  return JSON.stringify([Object.values(parallel), Object.values(schedule)]);
}

/** Layouts that use at least half the cores, most first, and of those with as many the ones with fewer threads a rank. */
function listLayouts({ model, parallel }: TrainingConfig, cores: number): MachineLayout[] {
  const counts = listCounts(cores, [parallel.pipeline, parallel.expert, parallel.computeThreads]);
  const layouts = counts
    .filter((pipeline) => pipeline <= model.numHiddenLayers)
    .flatMap((pipeline) => counts.map((expert) => ({ pipeline, expert })))
    .filter(({ expert }) => expert <= model.nRoutedExperts)
    .flatMap((ranks) => counts.map((computeThreads) => ({ ...ranks, computeThreads })));
  const used = ({ pipeline, expert, computeThreads }: MachineLayout) => pipeline * expert * computeThreads;
  return layouts
    .filter((layout) => used(layout) <= cores && 2 * used(layout) >= cores)
    .sort((a, b) => used(b) - used(a) || a.computeThreads - b.computeThreads || a.expert - b.expert);
}

/** What the cores divide into, the powers of two, and the config's own counts. */
function listCounts(cores: number, own: readonly number[]): number[] {
  const isPowerOfTwo = (count: number) => Number.isInteger(Math.log2(count));
  return Array.from({ length: cores }, (_, index) => index + 1).filter(
    (count) => cores % count === 0 || isPowerOfTwo(count) || own.includes(count),
  );
}

/** Schedules and microbatch sizes for a layout, those nearest to the config's own first. */
function listVariants(config: TrainingConfig, layout: MachineLayout): TrainingConfig[] {
  const parallel = { ...config.parallel, ...layout, overlap: true };
  const sequences = sequencesPerStep(config) / layout.expert;
  return listSizes(sequences, config.schedule.microbatchSize).flatMap((microbatchSize) =>
    listSchedules(config.schedule.name, layout).map((name) => {
      const { schedule } = withSchedule(config, name);
      return {
        ...config,
        parallel,
        schedule: { ...schedule, microbatchSize, microbatches: sequences / microbatchSize },
      };
    }),
  );
}

/** Sizes that `sequences` divide into, nearest to `own` first; none if `sequences` is no whole number. */
function listSizes(sequences: number, own: number): number[] {
  const distance = (size: number) => Math.abs(Math.log(size / own));
  const smallest = Math.max(1, Math.ceil(own / largestSizeRatio));
  const largest = Math.min(sequences, own * largestSizeRatio);
  return Array.from({ length: Math.max(0, Math.floor(largest) - smallest + 1) }, (_, index) => smallest + index)
    .filter((size) => Number.isInteger(sequences / size))
    .sort((a, b) => distance(a) - distance(b));
}

/**
 * On one rank there is nothing to overlap, and `1f1b` needs the least memory; `gpipe` orders as it does, but keeps every microbatch. One pipeline rank has no bubble: pairs hide
 * what expert ranks exchange, or `1f1b` does without them. Several have both to hide.
 */
function listSchedules(own: ScheduleConfig['name'], { pipeline, expert }: MachineLayout): ScheduleConfig['name'][] {
  if (pipeline * expert === 1) return ['1f1b'];
  const others = pipeline === 1 ? (['dualpipev', '1f1b'] as const) : pipelined;
  return [...new Set([own, ...others])];
}

/** What several pipeline ranks are tried with, each for another way to spend less time waiting. */
const pipelined = [
  // Pairs compute one chunk while the other waits for the experts' exchange or for a message.
  'dualpipev',
  // No bubble where the parts of a chunk take equally long.
  'zb-v',
  // Pairs with a little less bubble than DualPipeV's, none on two ranks, for twice the parameters.
  'dualpipe',
  // Whole backwards, one stage: the fewest calls and messages.
  '1f1b',
  // As few messages, and weight gradients in the bubble.
  'zb-h1',
  // Whole backwards, and half the bubble of 1f1b.
  'interleaved',
] as const;
