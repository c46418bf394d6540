import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../base/index.js';
import { formatHuggingFaceConfig, type ModelConfig } from '../config/index.js';
import {
  openCheckpoint,
  readJson,
  readSafetensors,
  readTensor,
  type TensorData,
  type TensorIndex,
  writeFileWhole,
  writeFolderWhole,
  writeSafetensors,
} from '../formats/index.js';
import { listMomentPieces, type RankState } from '../runtime/index.js';

/** Version of the training files beside the Hugging Face layout. */
const VERSION = 1;
const MAX_TRAINING_BYTES = 2 ** 16;

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

interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  /** In the rank's memory. */
  readonly data: Float32Array;
}

function parameterTensors({ layout, state }: RankState): NamedTensor[] {
  return [...layout.tensors.values()].map(({ name, shape, position, count }) => {
    return { name, shape, data: new Float32Array(state, layout.byteOffsets.parameters + 4 * position, count) };
  });
}

type Moments = 'firstMoments' | 'secondMoments';

/** The stretches of the moments that a rank keeps, in its memory: whole tensors, or parts of them with a sharded optimizer. */
function momentStretches({ layout, state }: RankState, region: Moments) {
  return listMomentPieces(layout).map(({ name, from, count, position }) => {
    return { name, from, data: new Float32Array(state, layout.byteOffsets[region] + 4 * position, count) };
  });
}

/** The moments of every tensor, put together from what the ranks keep. */
function momentTensors(states: readonly RankState[], region: Moments): NamedTensor[] {
  const stretches = new Map<string, ReturnType<typeof momentStretches>>();
  for (const stretch of states.flatMap((state) => momentStretches(state, region)))
    stretches.set(stretch.name, [...(stretches.get(stretch.name) ?? []), stretch]);
  const tensors = new Map(states.flatMap(({ layout }) => [...layout.tensors]));
  return [...tensors.values()].map(({ name, shape, count }) => {
    const parts = stretches.get(name) ?? [];
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

/** Each tensor once, though two ranks may hold it. */
function uniqueTensors(tensors: readonly NamedTensor[]): NamedTensor[] {
  return [...new Map(tensors.map((tensor) => [tensor.name, tensor])).values()];
}

function asData(tensors: readonly NamedTensor[], prefix = ''): TensorData[] {
  return uniqueTensors(tensors).map(({ name, shape, data }) => ({ name: prefix + name, dtype: 'F32', shape, data }));
}

/**
 * Writes a checkpoint folder, whole or not at all: Hugging Face's `config.json` and `model.safetensors`, and beside them the optimizer's moments and
 * the step. It does not depend on the layout of the ranks.
 */
export async function saveCheckpoint(
  folder: string,
  { model, states, step, seed, sequenceLength, tokenizer }: CheckpointContent,
): Promise<void> {
  await writeFolderWhole(folder, async (temporary) => {
    await writeFileWhole(join(temporary, 'config.json'), formatHuggingFaceConfig(model));
    const parameters = states.flatMap((state) => [...parameterTensors(state), ...biasTensors(state)]);
    await writeSafetensors(join(temporary, 'model.safetensors'), asData(parameters), { format: 'pt' });
    await writeSafetensors(join(temporary, 'optimizer.safetensors'), [
      ...asData(momentTensors(states, 'firstMoments'), 'first_moment.'),
      ...asData(momentTensors(states, 'secondMoments'), 'second_moment.'),
    ]);
    if (tokenizer !== 'bytes') copyFileSync(tokenizer, join(temporary, 'tokenizer.json'));
    await writeFileWhole(
      join(temporary, 'training.json'),
      `${JSON.stringify({ version: VERSION, step, seed, sequenceLength })}\n`,
    );
  });
}

/** Reads parameters and selection biases from a Hugging Face folder into all ranks that hold them. Throws `InputError` for what is missing or misshapen. */
export function loadParameters(folder: string, states: readonly RankState[]): void {
  const index = openCheckpoint(folder);
  fillTensors(
    index,
    '',
    states.flatMap((state) => [...parameterTensors(state), ...biasTensors(state)]),
  );
}

/** Reads a checkpoint of training: parameters, biases and moments. Throws `InputError`. */
export function loadCheckpoint(
  folder: string,
  states: readonly RankState[],
): { readonly step: number; readonly seed: number } {
  const file = join(folder, 'training.json');
  const training = readJson(file, { maxBytes: MAX_TRAINING_BYTES }) as {
    version?: unknown;
    step?: unknown;
    seed?: unknown;
  } | null;
  const { version, step, seed } = training ?? {};
  if (version !== VERSION || !isCount(step) || !isCount(seed)) {
    throw new InputError({
      what: 'the training state is not one of this version',
      where: file,
      mend: 'resume from a checkpoint that this program wrote',
    });
  }
  loadParameters(folder, states);
  const index = readSafetensors(join(folder, 'optimizer.safetensors'));
  fillMoments(index, 'first_moment.', states, 'firstMoments');
  fillMoments(index, 'second_moment.', states, 'secondMoments');
  return { step, seed };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function fillTensors(index: TensorIndex, prefix: string, tensors: readonly NamedTensor[]): void {
  for (const { name, shape, data } of tensors) {
    checkTensor(index, prefix + name, shape);
    data.set(readTensor(index, prefix + name));
  }
}

function fillMoments(index: TensorIndex, prefix: string, states: readonly RankState[], region: Moments): void {
  for (const state of states) {
    for (const { name, from, data } of momentStretches(state, region)) {
      checkTensor(index, prefix + name, state.layout.tensors.get(name)?.shape ?? []);
      data.set(readTensor(index, prefix + name).subarray(from, from + data.length));
    }
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
