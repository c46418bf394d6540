import { existsSync } from 'node:fs';
import { type Placement, placeInOrder } from '../../balance/index.js';
import { InputError } from '../../base/index.js';
import {
  parseJson,
  readIntegerTensor,
  readSafetensors,
  readTensor,
  type TensorData,
  type TensorIndex,
  writeSafetensors,
} from '../../formats/index.js';
import type { ExpertTraffic } from './move-cost.js';
import type { PendingTarget } from './switches.js';
import { createLoadWindow, type LoadWindow, MOST_WINDOW_STEPS, type StepLoads } from './window.js';

/** What rebalancing knows between two steps: with it, a resumed run decides and switches as the one that was not interrupted. */
export interface RebalanceState {
  /** In force. */
  readonly placement: Placement;
  /** Where layers are still on their way to. */
  readonly pending: PendingTarget | undefined;
  readonly window: LoadWindow;
  /** As measured before the first decision. */
  readonly traffic: ExpertTraffic | undefined;
}

/** The run that a state is for. */
export interface RebalanceShape {
  /** The MoE layers, ascending, by their number among all layers. */
  readonly layers: readonly number[];
  readonly experts: number;
  /** Of all ranks that share the experts, and how many these are. */
  readonly slots: number;
  readonly expertRanks: number;
  readonly pipelineRanks: number;
  /** Steps between decisions; from 1. */
  readonly interval: number;
}

/** The state of a run that begins: experts in order, an empty window. */
export function createRebalanceState({ layers, experts, slots, interval }: RebalanceShape): RebalanceState {
  return {
    placement: placeInOrder({ layers: layers.length, experts, slots }),
    pending: undefined,
    window: createLoadWindow({ layers, experts, interval }),
    traffic: undefined,
  };
}

const VERSION = 1;

/**
 * Writes a state as a safetensors file, whole or not at all: int32 `placement` and `target` `[layers, slots]`, float32 `gains` `[layers]`, int32 `window.steps` and
 * `window.counts` `[steps, layers, experts]`, and the shape as JSON in the metadata. Throws as `writeSafetensors`.
 */
export async function writeRebalanceState(path: string, state: RebalanceState, shape: RebalanceShape): Promise<void> {
  const { placement, pending, window, traffic } = state;
  const { layers, experts, slots, expertRanks, pipelineRanks } = shape;
  const rows = (name: string, { physicalToLogical: data }: Placement): TensorData => {
    return { name, dtype: 'I32', shape: [layers.length, slots], data };
  };
  const size = layers.length * experts;
  const counts = new Int32Array(window.steps.length * size);
  for (const [index, step] of window.steps.entries()) counts.set(step.counts, index * size);
  const steps = Int32Array.from(window.steps, ({ step }) => step);
  const tensors: TensorData[] = [
    rows('placement', placement),
    { name: 'window.steps', dtype: 'I32', shape: [steps.length], data: steps },
    { name: 'window.counts', dtype: 'I32', shape: [steps.length, layers.length, experts], data: counts },
  ];
  if (pending !== undefined) {
    tensors.push(rows('target', pending.target));
    tensors.push({ name: 'gains', dtype: 'F32', shape: [layers.length], data: pending.gains });
  }
  const document = { version: VERSION, layers, experts, slots, expertRanks, pipelineRanks, traffic };
  await writeSafetensors(path, tensors, { rebalance: JSON.stringify(document) });
}

/** A state to go on with, and what a person should know about it. */
export interface ResumedState {
  readonly state: RebalanceState;
  readonly note: string | undefined;
}

/**
 * Reads the state that `writeRebalanceState` wrote, for a run that goes on after `step` with `shape`. What does not depend on ranks is kept in any case: loads are about experts. With other
 * slots or expert ranks the experts begin in order; with those, or other pipeline ranks, the cost of moves is to be measured anew. Where there is no file or it is about another model, the run begins
 * like a new one. Throws `InputError` for a file that is damaged or does not fit itself; nothing is allocated that it only claims.
 */
export function readRebalanceState(path: string, step: number, shape: RebalanceShape): ResumedState {
  const fresh = createRebalanceState(shape);
  if (!existsSync(path))
    return {
      state: fresh,
      note: 'the checkpoint holds no placement: the experts begin in order, and their loads unknown',
    };
  const index = readSafetensors(path);
  const written = readDocument(index);
  if (written.layers.join() !== shape.layers.join() || written.experts !== shape.experts)
    return {
      state: fresh,
      note: 'the checkpoint is of other layers or experts: these begin in order, their loads unknown',
    };
  const parts = readParts(index, written);
  const { capacity } = fresh.window;
  const steps = parts.steps.filter((one) => one.step <= step && one.step > fresh.window.warmUpSteps).slice(-capacity);
  const window = { ...fresh.window, steps };
  const isSame = written.slots === shape.slots && written.expertRanks === shape.expertRanks;
  if (!isSame) {
    const [then, now] = [written, shape].map(
      ({ slots, expertRanks }) => `${slots} slots on ${expertRanks} expert ranks`,
    );
    return {
      state: { ...fresh, window },
      note: `the checkpoint was of ${then}, here are ${now}: the experts begin in order`,
    };
  }
  const { placement, pending } = parts;
  const traffic = written.pipelineRanks === shape.pipelineRanks ? written.traffic : undefined;
  return { state: { placement, pending, window, traffic }, note: undefined };
}

interface Written extends Omit<RebalanceShape, 'interval'> {
  readonly traffic: ExpertTraffic | undefined;
}

const MOST = { layers: 10_000, experts: 65_536, slots: 65_536 * 2, ranks: 65_536 } as const;

function refuse(what: string, where: string): never {
  throw new InputError({ what, where, mend: 'the file is damaged; without it the experts begin in order' });
}

function readDocument({ metadata, where }: TensorIndex): Written {
  const text = metadata.get('rebalance');
  if (text === undefined) return refuse('it is no state of rebalancing', where);
  const value = parseJson(text, where, 3);
  const table = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  if (table.version !== VERSION) return refuse(`its version is not ${VERSION}`, where);
  const count = (name: string, most: number): number => {
    const number = table[name];
    return isCount(number, 1, most) ? number : refuse(`${name} is no whole number from 1 to ${most}`, where);
  };
  const { layers } = table;
  const isAscending =
    Array.isArray(layers) &&
    layers.length > 0 &&
    layers.length <= MOST.layers &&
    layers.every((layer, i) => isCount(layer, i === 0 ? 0 : (layers[i - 1] as number) + 1, MOST.layers));
  if (!isAscending) return refuse('layers are no ascending numbers', where);
  return {
    layers: layers as number[],
    experts: count('experts', MOST.experts),
    slots: count('slots', MOST.slots),
    expertRanks: count('expertRanks', MOST.ranks),
    pipelineRanks: count('pipelineRanks', MOST.ranks),
    traffic: table.traffic === undefined ? undefined : readTraffic(table.traffic, where),
  };
}

function isCount(value: unknown, least: number, most: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
}

function readTraffic(value: unknown, where: string): ExpertTraffic {
  const table = (typeof value === 'object' && value !== null ? value : {}) as Readonly<Record<string, unknown>>;
  const measure = (name: keyof ExpertTraffic): number => {
    const number = table[name];
    const isMeasure = typeof number === 'number' && number > 0 && Number.isFinite(number);
    return isMeasure ? number : refuse(`${name} is no measure`, where);
  };
  return {
    bytesPerMove: measure('bytesPerMove'),
    bytesPerSecond: measure('bytesPerSecond'),
    expertSeconds: measure('expertSeconds'),
  };
}

interface Parts {
  readonly placement: Placement;
  readonly pending: PendingTarget | undefined;
  readonly steps: readonly StepLoads[];
}

function readParts(index: TensorIndex, written: Written): Parts {
  const { tensors, where } = index;
  const placement = readPlacementTensor(index, 'placement', written);
  const steps = readSteps(index, written);
  if (!tensors.has('target')) return { placement, pending: undefined, steps };
  requireShape(index, 'gains', [written.layers.length]);
  const gains = readTensor(index, 'gains');
  if (!gains.every((gain) => gain >= 0 && Number.isFinite(gain))) refuse('gains are no numbers from 0', where);
  return { placement, pending: { target: readPlacementTensor(index, 'target', written), gains }, steps };
}

function requireShape(index: TensorIndex, name: string, shape: readonly number[]): void {
  const found = index.tensors.get(name)?.shape.join(', ') ?? 'missing';
  if (found !== shape.join(', ')) refuse(`${name} is ${found === 'missing' ? found : `[${found}]`}`, index.where);
}

/** Every slot must hold an expert, and every expert be in one. */
function readPlacementTensor(index: TensorIndex, name: string, { layers, experts, slots }: Written): Placement {
  requireShape(index, name, [layers.length, slots]);
  const physicalToLogical = readIntegerTensor(index, name);
  for (const [row, layer] of layers.entries()) {
    const held = physicalToLogical.subarray(row * slots, (row + 1) * slots);
    const isFull = held.every((expert) => expert >= 0 && expert < experts) && new Set(held).size === experts;
    if (!isFull) refuse(`${name} of layer ${layer} does not hold every expert, or others`, index.where);
  }
  return { layers: layers.length, experts, slots, physicalToLogical };
}

function readSteps(index: TensorIndex, { layers, experts }: Written): StepLoads[] {
  const { where, tensors } = index;
  const [length = -1] = tensors.get('window.steps')?.shape ?? [];
  if (!isCount(length, 0, MOST_WINDOW_STEPS)) refuse(`the window has not 0 to ${MOST_WINDOW_STEPS} steps`, where);
  requireShape(index, 'window.steps', [length]);
  requireShape(index, 'window.counts', [length, layers.length, experts]);
  const numbers = readIntegerTensor(index, 'window.steps');
  const counts = readIntegerTensor(index, 'window.counts');
  if (numbers.some((step, i) => step < 1 || (i > 0 && step <= numbers[i - 1])))
    refuse('the steps of the window do not ascend', where);
  if (counts.some((count) => count < 0)) refuse('a load of the window is below 0', where);
  const size = layers.length * experts;
  return Array.from(numbers, (step, i) => ({ step, counts: counts.slice(i * size, (i + 1) * size) }));
}
