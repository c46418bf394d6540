import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../base/index.js';
import { type ModelConfig, parseQuantization, type Quantization } from '../config/index.js';
import { isScaled, openCheckpoint, readJson, readMatrixRows, type TensorIndex } from '../formats/index.js';
import { parameterNames } from '../model/index.js';
import { findNonFinite } from './check-numbers.js';

/** Numbers to fill, by the name that Hugging Face's checkpoints have for them. */
interface ParameterToFill {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Where a parameter lies in a file: a whole tensor, or rows of the one that holds all experts of a layer. */
interface Located {
  readonly tensor: string;
  /** Of the whole tensor. */
  readonly shape: readonly number[];
  readonly rows?: { readonly first: number; readonly end: number };
}

const MAX_CONFIG_BYTES = 2 ** 20;

const headName = 'lm_head.weight';
const embeddingName = 'model.embed_tokens.weight';

/**
 * Fills parameters from a Hugging Face folder: of any float type or FP8 with scales, an expert's own tensors or those
 * that hold all experts of a layer. Throws `InputError` for what is missing or misshapen, and for a number that is not
 * finite.
 */
export function fillParameters(folder: string, parameters: readonly ParameterToFill[]): void {
  const index = openCheckpoint(folder);
  const quantization = readQuantization(folder);
  for (const { name, shape, data } of parameters) {
    const { tensor, rows } = locate(index, name, shape, quantization);
    const numbers = readMatrixRows(index, tensor, quantization.block, rows);
    if (findNonFinite(numbers) !== undefined) throw notFinite(index, tensor, rows === undefined ? tensor : name);
    data.set(numbers);
  }
}

/** What `config.json` says about quantized weights; of a folder without one, that nothing is. */
function readQuantization(folder: string): Quantization {
  const file = join(folder, 'config.json');
  return parseQuantization(existsSync(file) ? readJson(file, { maxBytes: MAX_CONFIG_BYTES }) : {}, file);
}

function locate(index: TensorIndex, name: string, shape: readonly number[], { method }: Quantization): Located {
  const found = index.tensors.has(name) ? { tensor: name, shape } : locateInFused(index, name, shape);
  if (found === undefined) {
    const mend = mendMissing(index, name, method);
    throw new InputError({ what: `tensor ${name} is missing`, where: index.where, mend });
  }
  const actual = index.tensors.get(found.tensor)?.shape ?? [];
  if (actual.join() === found.shape.join()) return found;
  throw new InputError({
    what: `tensor ${found.tensor} has shape [${actual.join(', ')}] instead of [${found.shape.join(', ')}]`,
    where: index.where,
    mend: isOtherMethod(method) ? mendMethod(method) : 'use a checkpoint of this model',
  });
}

/**
 * An expert's matrix in the tensors of all experts of its layer, as transformers 5 holds them: gate_up_proj `[experts,
 * 2 inner, hidden]`, the gate first, and down_proj `[experts, hidden, inner]`.
 */
function locateInFused(index: TensorIndex, name: string, [rows, columns]: readonly number[]): Located | undefined {
  const match = /^(.*\.experts)\.(\d+)\.(gate|up|down)_proj\.weight$/.exec(name);
  if (match === null) return undefined;
  const [, prefix, number, part] = match;
  const expert = Number(number);
  const isDown = part === 'down';
  const tensor = `${prefix}.${isDown ? 'down_proj' : 'gate_up_proj'}`;
  const experts = index.tensors.get(tensor)?.shape[0] ?? 0;
  if (expert >= experts) return undefined;
  const ofExpert = isDown ? rows : 2 * rows;
  const first = expert * ofExpert + (part === 'up' ? rows : 0);
  return { tensor, shape: [experts, ofExpert, columns], rows: { first, end: first + rows } };
}

function isOtherMethod(method: string | undefined): method is string {
  return method !== undefined && method !== 'fp8';
}

function mendMethod(method: string): string {
  return `its weights are quantized with "${method}", which is not read: take them in BF16 or FP8`;
}

function mendMissing(index: TensorIndex, name: string, method: string | undefined): string {
  if (isOtherMethod(method)) return mendMethod(method);
  if (name === headName && index.tensors.has(embeddingName))
    return 'set tie_word_embeddings to true in config.json if the head is the embedding, or get all files again';
  return 'use a checkpoint of this model';
}

function notFinite(index: TensorIndex, tensor: string, name: string): InputError {
  return new InputError({
    what: `tensor ${name} holds a number that is not finite`,
    where: index.tensors.get(tensor)?.path ?? index.where,
    mend: 'the file is damaged, or its training diverged: use another checkpoint',
  });
}

/**
 * What a person should know of a checkpoint that is read for `model`: tensors that are not used, and a quantization
 * that is none. Throws `InputError` if the model's head is its embedding, and the file has another head.
 */
export function describeCheckpoint(folder: string, model: ModelConfig): string[] {
  const index = openCheckpoint(folder);
  const { method } = readQuantization(folder);
  const isQuantized = [...index.tensors.values()].some(isScaled);
  const leftOver =
    method === undefined || isQuantized
      ? []
      : [`quantization_config in config.json is left over ("${method}"): no weight of the checkpoint is quantized`];
  refuseOtherHead(index, model);
  return [...leftOver, ...describeUnused(index, model)];
}

/**
 * Of a model whose head is its embedding a file may hold the head as well. Throws `InputError` if its numbers are
 * others: transformers 4 takes the embedding there and transformers 5 the head, so that a person has to say which.
 */
function refuseOtherHead(index: TensorIndex, { tieWordEmbeddings }: ModelConfig): void {
  if (!tieWordEmbeddings || !index.tensors.has(headName) || !index.tensors.has(embeddingName)) return;
  const [head, embedding] = [index.tensors.get(headName), index.tensors.get(embeddingName)].map((entry) =>
    entry?.read(),
  );
  if (head !== undefined && embedding !== undefined && Buffer.compare(head, embedding) === 0) return;
  throw new InputError({
    what: `tie_word_embeddings is true, but ${headName} and ${embeddingName} differ`,
    where: index.where,
    mend: 'set tie_word_embeddings to false in config.json to use the head, or leave it out of the file to use the embedding',
  });
}

function describeUnused(index: TensorIndex, model: ModelConfig): string[] {
  const used = new Set(parameterNames(model));
  // A tied head is the embedding once more.
  if (model.tieWordEmbeddings) used.add(headName);
  const unused = [...index.tensors.keys()].filter((name) => !used.has(name) && !isHelper(name, used));
  const layerOf = (name: string) => Number(/^model\.layers\.(\d+)\./.exec(name)?.[1] ?? -1);
  const layers = [...new Set(unused.map(layerOf))].filter((layer) => layer >= model.numHiddenLayers);
  const others = unused.filter((name) => layerOf(name) < model.numHiddenLayers);
  return [
    ...(layers.length === 0
      ? []
      : [
          `layers from ${Math.min(...layers)} on are not used: the model has ${model.numHiddenLayers}, and those of multi-token prediction are not computed`,
        ]),
    ...(others.length === 0
      ? []
      : [`warning: tensors of the checkpoint that are not used: ${others.length}, such as ${others[0]}`]),
  ];
}

/**
 * What belongs to tensors that are used, or can be computed: scales, all experts in one tensor, the wavelengths of the
 * rotation.
 */
function isHelper(name: string, used: ReadonlySet<string>): boolean {
  if (name.endsWith('.rotary_emb.inv_freq')) return true;
  const base = name.replace(/_scale_inv$/, '');
  if (used.has(base)) return true;
  const fused = /^(.*\.experts)\.(gate_up|down)_proj$/.exec(base);
  return fused !== null && used.has(`${fused[1]}.0.down_proj.weight`);
}
