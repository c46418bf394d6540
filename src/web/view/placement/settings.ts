import type { MoveCost, PlacementObjective, PlacementPolicy, PlacementStrategy } from '../../../balance/index.js';
import { placementFormats } from '../../../formats/browser.js';
import {
  findRefusals,
  ignoreRefusal,
  type Parameters,
  type Refusal,
  type Refuse,
  readChoice,
  readNumber,
} from '../parameters.js';
import type { LoadsFacts } from './facts.js';

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
export function readReadSettings(parameters: Parameters, refuse: Refuse = ignoreRefusal): ReadSettings {
  return {
    part: parameters.part ?? '',
    trimWarmup: isOn(parameters, 'trim', refuse),
    experts: readNumber(parameters, { name: 'experts', refuse }, undefined, {
      least: 1,
      most: placementLimits.experts,
      isWhole: true,
    }),
  };
}

/**
 * What the parameters of an address have experts placed on, and how, for loads of which the facts are known. What is missing or no such thing follows from the facts: as many slots as the
 * placement now has, or as there are experts and an eighth more. What means nothing for these loads is left out;
 * `refuse` hears of what
 * means nothing for any.
 */
export function readPlacementSettings(
  parameters: Parameters,
  facts: LoadsFacts,
  refuse: Refuse = ignoreRefusal,
): PlacementSettings {
  const whole = (name: string, own: number, most: number, least = 1) =>
    readNumber(parameters, { name, refuse }, own, { least, most, isWhole: true });
  const gpus = whole('gpus', defaultGpus(facts), placementLimits.gpus);
  const excludedGpus = readGpuList(parameters, refuse);
  const policy = readChoice(parameters, { name: 'policy', refuse }, 'best', ['best', 'deepseek']);
  const isDeepSeek = policy === 'deepseek';
  const strategy = readChoice(parameters, { name: 'strategy', refuse }, 'auto', ['auto', 'global', 'hierarchical']);
  const objective = readChoice<PlacementObjective, undefined>(parameters, { name: 'robust', refuse }, undefined, [
    'sum',
    'mean',
    'worst',
  ]);
  return {
    gpus,
    excludedGpus,
    slots: whole('slots', defaultSlots(facts, gpus, excludedGpus), placementLimits.slots),
    nodes: whole('nodes', 1, placementLimits.nodes),
    groups: whole('groups', 1, placementLimits.groups),
    policy,
    strategy: isDeepSeek ? 'auto' : strategy,
    objective: isDeepSeek || facts.windows === 1 ? undefined : objective,
    normalize: isOn(parameters, 'normalize', refuse) && facts.windows > 1,
    layerOffset: readNumber(parameters, { name: 'offset', refuse }, undefined, {
      least: 0,
      most: placementLimits.layerOffset,
      isWhole: true,
    }),
    ...readMoves(parameters, facts, refuse),
  };
}

function readMoves(
  parameters: Parameters,
  { current }: LoadsFacts,
  refuse: Refuse,
): Pick<PlacementSettings, 'mostMoves' | 'cost'> {
  const pays = isOn(parameters, 'pays', refuse);
  const mostMoves = readNumber(parameters, { name: 'moves', refuse }, undefined, {
    least: 0,
    most: placementLimits.moves,
    isWhole: true,
  });
  const seconds = (name: 'move' | 'interval', own: number) =>
    readNumber(parameters, { name, refuse }, own, { least: 0.0001, most: placementLimits.seconds });
  const cost = {
    secondsPerMove: seconds('move', usual.secondsPerMove),
    intervalSeconds: seconds('interval', usual.intervalSeconds),
  };
  if (current === undefined) return { mostMoves: undefined, cost: undefined };
  return { mostMoves, cost: pays ? cost : undefined };
}

function isOn(parameters: Parameters, name: 'trim' | 'normalize' | 'pays', refuse: Refuse): boolean {
  return readChoice(parameters, { name, refuse }, undefined, ['1']) === '1';
}

const parameterNames = [
  ...['loads', 'part', 'trim', 'experts', 'normalize', 'offset'],
  ...['gpus', 'slots', 'nodes', 'groups', 'policy', 'strategy', 'robust', 'exclude'],
  ...['moves', 'pays', 'move', 'interval'],
  ...['format', 'layer'],
];

/**
 * The parameters of an address that mean nothing in the view Placement: as far as can be said before loads are read, or
 * all.
 */
export function findPlacementRefusals(parameters: Parameters, facts: LoadsFacts | undefined): readonly Refusal[] {
  return findRefusals(parameters, parameterNames, (refuse) => {
    readChoice(parameters, { name: 'loads', refuse }, undefined, ['example']);
    readChoice(parameters, { name: 'format', refuse }, 'sglang', placementFormats);
    readNumber(parameters, { name: 'layer', refuse }, undefined, { least: 0, most: 100_000, isWhole: true });
    readReadSettings(parameters, refuse);
    if (facts !== undefined) readPlacementSettings(parameters, facts, refuse);
  });
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

function readGpuList({ exclude = '' }: Parameters, refuse: Refuse): readonly number[] {
  const gpus = parseGpuList(exclude);
  if (gpus === undefined) refuse('exclude', 'is no list of GPUs, as 3,7: it is left out');
  return gpus ?? [];
}
