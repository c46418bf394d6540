import type { MoveCost, PlacementObjective, PlacementPolicy, PlacementStrategy } from '../../../balance/index.js';
import { readNumber } from '../number-parameter.js';
import type { LoadsFacts } from './facts.js';

type Parameters = Readonly<Partial<Record<string, string>>>;

/** How a file is read. */
export interface ReadSettings {
  /** The keys, with / between them, that lead to the loads within a JSON file; empty: all of it. */
  readonly part: string;
  readonly trimWarmup: boolean;
  /** How many experts each layer has, where routes do not show them all. */
  readonly experts: number | undefined;
}

/** What experts are placed on, and how. */
export interface PlacementSettings {
  readonly gpus: number;
  /** All GPUs together. */
  readonly slots: number;
  readonly nodes: number;
  readonly groups: number;
  readonly policy: PlacementPolicy;
  readonly strategy: PlacementStrategy | 'auto';
  /** What is made small; left open, what does best on windows that the search has not seen. */
  readonly objective: PlacementObjective | undefined;
  readonly excludedGpus: readonly number[];
  readonly normalize: boolean;
  /** The model's first layer with experts; undefined until it is given, which is not 0. */
  readonly layerOffset: number | undefined;
  /** With a placement now: replicas that may move, and what moves cost. */
  readonly mostMoves: number | undefined;
  readonly cost: MoveCost | undefined;
}

/** What the page takes; the command line takes more. */
export const placementLimits = {
  gpus: 4096,
  slots: 65_536,
  nodes: 1024,
  groups: 4096,
  layerOffset: 1000,
  experts: 65_536,
  moves: 10_000_000,
  seconds: 1_000_000,
} as const;

/** Where the fields begin. */
const usual = { gpus: 8, secondsPerMove: 0.1, intervalSeconds: 600 };
/** One slot in eight more than there are experts, as DeepSeek deploys (288 for 256). */
const slotsPerExpert = 9 / 8;

/** How the parameters of an address have a file read; what is missing or no such thing is as usual. */
export function readReadSettings({ part = '', trim, experts }: Parameters): ReadSettings {
  return {
    part,
    trimWarmup: trim === '1',
    experts: readNumber(experts, undefined, { least: 1, most: placementLimits.experts, isWhole: true }),
  };
}

/**
 * What the parameters of an address have experts placed on, and how, for loads of which the facts are known. What is missing or no such thing follows from the facts: as many slots as the
 * placement now has, or as there are experts and an eighth more. What means nothing for these loads is left out.
 */
export function readPlacementSettings(parameters: Parameters, facts: LoadsFacts): PlacementSettings {
  const whole = (name: string, own: number, most: number, least = 1) =>
    readNumber(parameters[name], own, { least, most, isWhole: true });
  const gpus = whole('gpus', defaultGpus(facts), placementLimits.gpus);
  const excludedGpus = readGpuList(parameters.exclude);
  const isDeepSeek = parameters.policy === 'deepseek';
  return {
    gpus,
    excludedGpus,
    slots: whole('slots', defaultSlots(facts, gpus, excludedGpus), placementLimits.slots),
    nodes: whole('nodes', 1, placementLimits.nodes),
    groups: whole('groups', 1, placementLimits.groups),
    policy: isDeepSeek ? 'deepseek' : 'best',
    strategy: isDeepSeek ? 'auto' : oneOf(parameters.strategy, ['global', 'hierarchical'], 'auto'),
    objective:
      isDeepSeek || facts.windows === 1
        ? undefined
        : oneOf<PlacementObjective, undefined>(parameters.robust, ['sum', 'mean', 'worst'], undefined),
    normalize: facts.windows > 1 && parameters.normalize === '1',
    layerOffset: readNumber(parameters.offset, undefined, {
      least: 0,
      most: placementLimits.layerOffset,
      isWhole: true,
    }),
    ...readMoves(parameters, facts),
  };
}

function readMoves(
  { moves, pays, move, interval }: Parameters,
  { current }: LoadsFacts,
): Pick<PlacementSettings, 'mostMoves' | 'cost'> {
  if (current === undefined) return { mostMoves: undefined, cost: undefined };
  const mostMoves = readNumber(moves, undefined, { least: 0, most: placementLimits.moves, isWhole: true });
  if (pays !== '1') return { mostMoves, cost: undefined };
  const seconds = (text: string | undefined, own: number) =>
    readNumber(text, own, { least: 0.0001, most: placementLimits.seconds });
  const secondsPerMove = seconds(move, usual.secondsPerMove);
  return { mostMoves, cost: { secondsPerMove, intervalSeconds: seconds(interval, usual.intervalSeconds) } };
}

/** As many GPUs as the placement now says, or else eight, or what divides its slots. */
function defaultGpus({ current, recordedSlots }: LoadsFacts): number {
  if (current?.gpus !== undefined) return Math.min(placementLimits.gpus, current.gpus);
  const slots = current?.slots ?? recordedSlots;
  let gpus = usual.gpus;
  while (slots !== undefined && slots % gpus !== 0) gpus -= 1;
  return gpus;
}

function defaultSlots(
  { current, recordedSlots, experts }: LoadsFacts,
  gpus: number,
  excluded: readonly number[],
): number {
  const known = current?.slots ?? recordedSlots;
  if (known !== undefined && known % gpus === 0 && known <= placementLimits.slots) return known;
  const used = Math.max(1, gpus - countExcluded(gpus, excluded));
  return Math.min(placementLimits.slots, gpus * Math.ceil((experts * slotsPerExpert) / used));
}

/** What slots come to, in a sentence; those of excluded GPUs hold no expert. */
export function describeSlots(
  { slots, gpus, excludedGpus }: Pick<PlacementSettings, 'slots' | 'gpus' | 'excludedGpus'>,
  experts: number,
): string {
  const isWhole = slots % gpus === 0;
  const each = isWhole ? `${slots / gpus} a GPU, ` : '';
  const spare = slots - (isWhole ? (slots / gpus) * countExcluded(gpus, excludedGpus) : 0) - experts;
  return `All GPUs together: ${each}${spare < 0 ? `${-spare} fewer than experts` : `${spare} for second replicas`}.`;
}

function countExcluded(gpus: number, excludedGpus: readonly number[]): number {
  return new Set(excludedGpus.filter((gpu) => gpu < gpus)).size;
}

/** The GPUs in `3, 7`; undefined for what is no list of GPUs. */
export function parseGpuList(text: string): readonly number[] | undefined {
  const parts = text.split(',').map((part) => part.trim());
  if (parts.length === 1 && parts[0] === '') return [];
  const gpus = parts.map((part) => (/^\d{1,6}$/.test(part) ? Number(part) : Number.NaN));
  return gpus.every((gpu) => gpu >= 0) ? gpus : undefined;
}

function readGpuList(text = ''): readonly number[] {
  return parseGpuList(text) ?? [];
}

function oneOf<Choice extends string, Own>(
  text: string | undefined,
  choices: readonly Choice[],
  own: Own,
): Choice | Own {
  return choices.find((choice) => choice === text) ?? own;
}
