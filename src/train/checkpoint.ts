import { join } from 'node:path';
import { InputError, WorkError } from '../base/index.js';
import { formatHuggingFaceConfig, type ModelConfig } from '../config/index.js';
import {
  openCheckpoint,
  readSafetensors,
  readTensor,
  type TensorData,
  type TensorIndex,
  writeFileWhole,
  writeFolderWhole,
  writeSafetensors,
} from '../formats/index.js';
import { parameterNames } from '../model/index.js';
import { listMomentPieces, listTensors, type PlacedStateTensor, type RankState } from '../runtime/index.js';
import { checkNumbers, findNonFinite } from './check-numbers.js';
import { saveTokenizer } from './data/index.js';
import { fillParameters } from './read-parameters.js';
import { writeTrainingState } from './training-state.js';

export interface CheckpointContent {
  readonly model: ModelConfig;
  readonly states: readonly RankState[];
  readonly step: number;
  readonly seed: number;
  /** Tokens of a training sequence: the context that the model has learnt to use. */
  readonly sequenceLength: number;
  /** Path of the `tokenizer.json` that the text was cut with, or `bytes`. */
  readonly tokenizer: string;
}

/** Numbers in a rank's memory, by the name that they have in a checkpoint. */
interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A tensor of which there may be several replicas; the primary one stands for all of them. */
interface ReplicaTensor extends NamedTensor {
  readonly isPrimary: boolean;
}

function parameterTensors({ layout, state }: RankState): ReplicaTensor[] {
  return listTensors({ layout, state }).map(({ checkpointName: name, shape, position, count, isPrimary }) => {
    const data = new Float32Array(state, layout.byteOffsets.parameters + 4 * position, count);
    return { name, shape, data, isPrimary };
  });
}

type Moments = 'firstMoments' | 'secondMoments';

/** A stretch of a tensor's moments: all of it or, with a sharded optimizer, a part. */
interface MomentStretch extends ReplicaTensor {
  /** Numbers of the whole tensor, and the first of this stretch. */
  readonly count: number;
  readonly from: number;
}

/** The stretches of the moments that a rank keeps. `shape` is the whole tensor's. */
function momentStretches({ layout, state }: RankState, region: Moments): MomentStretch[] {
  const tensors = new Map(listTensors({ layout, state }).map((tensor) => [tensor.name, tensor]));
  return listMomentPieces(layout).map((piece) => {
    const { checkpointName: name, shape, count, isPrimary } = tensors.get(piece.name) as PlacedStateTensor;
    const data = new Float32Array(state, layout.byteOffsets[region] + 4 * piece.position, piece.count);
    return { name, shape, count, isPrimary, from: piece.from, data };
  });
}

/** The moments of every tensor, put together from what the ranks keep. */
function momentTensors(states: readonly RankState[], region: Moments): NamedTensor[] {
  const stretches = new Map<string, MomentStretch[]>();
  for (const stretch of states.flatMap((state) => momentStretches(state, region)))
    if (stretch.isPrimary) stretches.set(stretch.name, [...(stretches.get(stretch.name) ?? []), stretch]);
  return [...stretches].map(([name, parts]) => {
    const [{ shape, count }] = parts;
    const whole = parts.find(({ data }) => data.length === count);
    if (whole !== undefined) return { name, shape, data: whole.data };
    const data = new Float32Array(count);
    for (const part of parts) data.set(part.data, part.from);
    return { name, shape, data };
  });
}

/** Buffers that belong to the model: the selection biases, not what is a constant of the run. */
function biasTensors({ layout, state }: RankState): NamedTensor[] {
  return [...layout.buffers]
    .filter(([name]) => name.endsWith('e_score_correction_bias'))
    .map(([name, { byteOffset, shape }]) => ({ name, shape, data: new Float32Array(state, byteOffset, shape[0]) }));
}

/** Tokens of each expert in the last step, by layer: what the next one may share tokens among replicas by. */
function loadTensors({ layout, state }: RankState): NamedTensor[] {
  return layout.loads.map(({ layer, byteOffset, count }) => {
    return { name: `load.${layer}`, shape: [count], data: new Float32Array(state, byteOffset, count) };
  });
}

/** Each tensor once, though two ranks may hold it. */
function uniqueTensors(tensors: readonly NamedTensor[]): NamedTensor[] {
  return [...new Map(tensors.map((tensor) => [tensor.name, tensor])).values()];
}

function asData(tensors: readonly NamedTensor[], prefix = ''): TensorData[] {
  return uniqueTensors(tensors).map(({ name, shape, data }) => ({ name: prefix + name, dtype: 'F32', shape, data }));
}

/** A checkpoint of numbers that are not finite would be of no use, and take the place of one that is. */
function requireFinite(tensors: readonly TensorData[], step: number): void {
  for (const { name, data } of tensors) {
    const bad = data instanceof Float32Array ? findNonFinite(data) : undefined;
    if (bad === undefined) continue;
    throw new WorkError({
      what: `training diverged by step ${step}: tensor ${name} holds ${data[bad]}, and no checkpoint is written of it`,
      where: `number ${bad + 1} of ${data.length}`,
      mend: 'lower learning_rate or clip_norm, and begin again or go on from an earlier checkpoint',
    });
  }
}

/**
 * Writes a checkpoint folder, whole or not at all: Hugging Face's `config.json` and `model.safetensors`, and beside them the optimizer's moments, the
 * step and its loads, and the checksum of each file. It does not depend on the layout of the ranks, nor on where
 * experts and their replicas are. `writeMore` adds what else belongs to it, before the folder has its name.
 */
export async function saveCheckpoint(
  folder: string,
  { model, states, step, seed, sequenceLength, tokenizer }: CheckpointContent,
  writeMore?: (temporary: string) => Promise<void>,
): Promise<void> {
  await writeFolderWhole(folder, async (temporary) => {
    await writeFileWhole(join(temporary, 'config.json'), formatHuggingFaceConfig(model));
    const parameters = asData(
      states.flatMap((state) => [
        ...parameterTensors(state).filter(({ isPrimary }) => isPrimary),
        ...biasTensors(state),
      ]),
    );
    const moments = [
      ...asData(momentTensors(states, 'firstMoments'), 'first_moment.'),
      ...asData(momentTensors(states, 'secondMoments'), 'second_moment.'),
    ];
    requireFinite([...parameters, ...moments], step);
    await writeSafetensors(join(temporary, 'model.safetensors'), parameters, { format: 'pt' });
    const loads = asData(states.flatMap(loadTensors));
    await writeSafetensors(join(temporary, 'optimizer.safetensors'), [...moments, ...loads]);
    await writeMore?.(temporary);
    await saveTokenizer(tokenizer, temporary);
    // Last, as it tells what the others are.
    await writeTrainingState(temporary, { step, seed, sequenceLength });
  });
}

/**
 * Reads parameters and selection biases from a Hugging Face folder into all ranks that hold them. Throws as
 * `fillParameters`.
 */
export function loadParameters(folder: string, states: readonly RankState[]): void {
  fillParameters(folder, modelTensors(states));
}

function modelTensors(states: readonly RankState[]): NamedTensor[] {
  return states.flatMap((state) => [...parameterTensors(state), ...biasTensors(state)]);
}

/**
 * Reads a checkpoint of training, by the placement of the moment: parameters, biases, moments and, where there are any,
 * loads. Throws `InputError` as `loadParameters` does, for a second moment
 * below 0, and for tensors that the model does not have.
 */
export function loadCheckpoint(folder: string, model: ModelConfig, states: readonly RankState[]): void {
  refuseOtherTensors(openCheckpoint(folder), model);
  loadParameters(folder, states);
  const index = readSafetensors(join(folder, 'optimizer.safetensors'));
  fillMoments(index, 'first_moment.', states, 'firstMoments');
  fillMoments(index, 'second_moment.', states, 'secondMoments');
  fillLoads(index, states);
}

function refuseOtherTensors(index: TensorIndex, model: ModelConfig): void {
  const known = new Set(parameterNames(model));
  const others = [...index.tensors.keys()].filter((name) => !known.has(name));
  if (others.length === 0) return;
  const more = others.length === 1 ? '' : ` and ${others.length - 1} more`;
  throw new InputError({
    what: `the checkpoint has tensors that the model has not: ${others[0]}${more}`,
    where: index.where,
    mend: 'use the model of the checkpoint, as [model] in its run had it',
  });
}

function fillMoments(index: TensorIndex, prefix: string, states: readonly RankState[], region: Moments): void {
  for (const state of states) {
    for (const { name, shape, from, data } of momentStretches(state, region)) {
      checkTensor(index, prefix + name, shape);
      data.set(readNumbers(index, prefix + name).subarray(from, from + data.length));
    }
  }
}

/** The numbers of a tensor that a checkpoint may have. */
function readNumbers(index: TensorIndex, name: string): Float32Array {
  const numbers = readTensor(index, name);
  checkNumbers(name, numbers, index.tensors.get(name)?.path ?? index.where);
  return numbers;
}

/** More tokens than a step has. */
const MAX_LOAD = 2 ** 32;

function fillLoads(index: TensorIndex, states: readonly RankState[]): void {
  for (const tensor of states.flatMap(loadTensors)) {
    if (!index.tensors.has(tensor.name)) continue;
    checkTensor(index, tensor.name, tensor.shape);
    tensor.data.set(readTensor(index, tensor.name));
    const wrong = tensor.data.find((load) => !(Number.isInteger(load) && load >= 0 && load <= MAX_LOAD));
    if (wrong === undefined) continue;
    throw new InputError({
      what: `tensor ${tensor.name} has a load of ${wrong} tokens`,
      where: index.where,
      mend: 'the file is damaged: resume from another checkpoint',
    });
  }
}

function checkTensor(index: TensorIndex, name: string, shape: readonly number[]): void {
  const entry = index.tensors.get(name);
  if (entry === undefined) {
    throw new InputError({
      what: `tensor ${name} is missing`,
      where: index.where,
      mend: 'use a checkpoint of this model',
    });
  }
  if (entry.shape.join() !== shape.join()) {
    throw new InputError({
      what: `tensor ${name} has shape [${entry.shape.join(', ')}] instead of [${shape.join(', ')}]`,
      where: index.where,
      mend: 'use a checkpoint of this model',
    });
  }
}
