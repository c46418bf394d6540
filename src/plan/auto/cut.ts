import { InputError } from '../../base/index.js';
import type { Schedule } from '../../schedule/index.js';
import type { ChunkSegments, Costs, MemoryCosts, PairTime, StageTime } from '../../simulate/index.js';

/** Where the stages of a schedule lie: all that costs need to know of it. */
type Stages = Pick<Schedule, 'pipelines' | 'stageToRank'>;

/** The lengths of the lists in costs, by what they are of. */
function listLengths({
  forward,
  backwardInput,
  backwardWeight,
  overlapped,
  segments,
  memory,
}: Costs): [string, number][] {
  const amounts = { forward, backwardInput, backwardWeight, overlapped, ...memory };
  const lists = Object.entries(amounts).flatMap(([name, amount]): [string, number][] =>
    typeof amount === 'object' ? [[name, amount.length]] : [],
  );
  return isSegmentList(segments) ? [...lists, ['segments', segments.length]] : lists;
}

/** Whether costs list stages, which fixes how many the model has; without lists it can be cut anywhere. */
export function hasLists(costs: Costs): boolean {
  return listLengths(costs).length > 0;
}

/**
 * In how many parts costs describe the model: as many as their lists have entries; without a list `shares`, so that a number is the time of one
 * share of the model. Throws `InputError` if two lists have different lengths.
 */
export function countParts(costs: Costs, shares: number): number {
  const lists = listLengths(costs);
  const [first] = lists;
  if (first === undefined) return shares;
  const odd = lists.find(([, length]) => length !== first[1] || length === 0);
  if (odd !== undefined) {
    throw new InputError({
      what: `the costs list ${first[1]} stages in ${first[0]} and ${odd[1]} in ${odd[0]}`,
      mend: 'give each list one entry a stage of the model',
    });
  }
  return first[1];
}

/**
 * Costs of a schedule's stages, as `simulate` takes them, from costs of the `parts` of the model. Every pipeline holds the whole model: its k-th stage is the k-th run of parts, with the sum of their
 * times, or its share of a number. A message stays as it is: it carries a microbatch, however the model is cut.
 * Throws `InputError` if a list does not divide into the stages.
 */
export function cutCosts(costs: Costs, parts: number, layout: Stages): Costs {
  const cutter = createCutter(parts, layout);
  const { segments, memory, overlapped } = costs;
  return {
    ...costs,
    forward: cutter.amount(costs.forward),
    backwardInput: cutter.amount(costs.backwardInput),
    backwardWeight: cutter.amount(costs.backwardWeight),
    ...(overlapped !== undefined && { overlapped: cutPairs(overlapped, parts, layout, cutter) }),
    ...(segments !== undefined && { segments: cutSegments(segments, cutter) }),
    ...(memory !== undefined && { memory: cutMemory(memory, cutter) }),
  };
}

interface Cutter {
  /** How much of a part a stage is, or how many parts. */
  readonly share: number;
  amount(amount: StageTime): StageTime;
  /** `[stages]`: the entries of the list that the stage has. */
  runs<T>(list: readonly T[]): T[][];
}

function createCutter(parts: number, { pipelines, stageToRank }: Stages): Cutter {
  const stages = (pipelines[0] as readonly number[]).length;
  const length = parts / stages;
  const runs = <T>(list: readonly T[]): T[][] => {
    if (!Number.isInteger(length)) {
      throw new InputError({
        what: `${parts} stages of the costs do not divide into ${stages}`,
        mend: `give lists with a multiple of ${stages} entries`,
      });
    }
    const byStage = stageToRank.map((): T[] => []);
    for (const pipeline of pipelines) {
      for (const [place, stage] of pipeline.entries())
        byStage[stage] = list.slice(place * length, (place + 1) * length);
    }
    return byStage;
  };
  const amount = (value: StageTime): StageTime =>
    typeof value === 'number' ? value * length : runs(value).map((run) => run.reduce((sum, part) => sum + part, 0));
  return { share: length, amount, runs };
}

function cutPairs(pairs: PairTime, parts: number, layout: Stages, cutter: Cutter): PairTime {
  if (!isMatrix(pairs)) return cutter.amount(pairs);
  const stages = (layout.pipelines[0] as readonly number[]).length;
  if (stages !== parts) {
    throw new InputError({
      what: `times of pairs of ${parts} stages say nothing of ${stages} stages`,
      mend: 'give one time a stage, or segments',
    });
  }
  const rows = cutter.runs(pairs).flat();
  return rows.map((row) => cutter.runs(row).flat());
}

function cutSegments(
  segments: ChunkSegments | readonly ChunkSegments[],
  { runs, share }: Cutter,
): ChunkSegments | ChunkSegments[] {
  if (isSegmentList(segments)) return runs(segments).map(joinSegments);
  const scale = (list: ChunkSegments['forward']) => list.map((segment) => ({ ...segment, time: segment.time * share }));
  return { forward: scale(segments.forward), backward: scale(segments.backward) };
}

/** One stage of several: their forwards in order, their backwards the other way, each with layers of its own. */
function joinSegments(run: readonly ChunkSegments[]): ChunkSegments {
  let layers = 0;
  const numbered = run.map(({ forward, backward }) => {
    const first = layers;
    const renumber = (list: ChunkSegments['forward']) =>
      list.map((segment) => ({ ...segment, layer: first + segment.layer }));
    layers += 1 + Math.max(0, ...[...forward, ...backward].map(({ layer }) => layer));
    return { forward: renumber(forward), backward: renumber(backward) };
  });
  return {
    forward: numbered.flatMap(({ forward }) => forward),
    backward: numbered.toReversed().flatMap(({ backward }) => backward),
  };
}

function cutMemory(memory: MemoryCosts, { amount }: Cutter): MemoryCosts {
  return Object.fromEntries(Object.entries(memory).map(([part, held]: [string, StageTime]) => [part, amount(held)]));
}

function isMatrix(pairs: PairTime): pairs is readonly (readonly (number | null)[])[] {
  return typeof pairs === 'object' && typeof pairs[0] === 'object';
}

function isSegmentList(segments: Costs['segments']): segments is readonly ChunkSegments[] {
  return Array.isArray(segments);
}
