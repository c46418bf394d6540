import { formatBytes, InputError, WorkError } from '../base/index.js';
import type { ModelConfig } from '../config/index.js';
import { type ExportedValue, listTensors } from '../runtime/index.js';
import { type OpenModel, openModel } from './inference.js';
import { sumLosses } from './metrics.js';
import { readModelConfig } from './open-folder.js';

/** Rows of equal length, a row a sequence. */
export type TokenRows = readonly Int32Array[];

export interface EvaluationRequest {
  readonly checkpoint: string;
  readonly rows: TokenRows;
  /** Tokens of each row that count; what follows them fills the row up. Otherwise all do. */
  readonly lengths?: readonly number[];
  readonly withLogits: boolean;
  readonly withGradients: boolean;
  /** Further values of each chunk, such as `layers.1.choiceToScore`. */
  readonly exports?: readonly string[];
}

export interface NamedArray {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

export interface Evaluation {
  /** Mean cross-entropy, in nats, of token t + 1 given tokens 0 to t, over all rows. */
  readonly loss: number;
  /** Predicted tokens. */
  readonly tokens: number;
  /** `[rows, tokens, vocabulary]` */
  readonly logits?: NamedArray;
  /** Of the loss, by Hugging Face name. */
  readonly gradients?: readonly NamedArray[];
  /** What a person should know about the checkpoint. */
  readonly notes: readonly string[];
  /** The requested exports, microbatch after microbatch. */
  readonly exported: ReadonlyMap<string, Float32Array | Int32Array>;
}

/** Tokens of a microbatch, roughly, and microbatches of a call: enough work for a call, little memory. */
const MICROBATCH_TOKENS = 2048;
const MAX_MICROBATCHES = 4;
const MAX_LOGITS = 2 ** 29;

/** Longest row: attention's masks grow with the square of it, and those of all kernels together must be held. */
const MAX_ROW_TOKENS = 16_384;
const KERNELS_WITH_MASK = 6;

/**
 * Loss (and what else is asked for) of a checkpoint on rows of tokens. Throws `InputError` for bad rows or a bad
 * checkpoint, `WorkError` where the loss is
 * not finite.
 */
export async function evaluateRows(request: EvaluationRequest): Promise<Evaluation> {
  const { checkpoint, rows, withLogits, exports = [] } = request;
  const model = readModelConfig(checkpoint);
  checkRows(request, model);
  const sequenceLength = rows[0].length;
  const sequences = Math.min(rows.length, Math.max(1, Math.floor(MICROBATCH_TOKENS / sequenceLength)));
  const microbatches = Math.min(MAX_MICROBATCHES, Math.ceil(rows.length / sequences));
  const asked = [...(withLogits ? ['logits'] : []), ...exports];
  const opened = await openModel(checkpoint, model, { sequences, sequenceLength, rows: microbatches, exports: asked });
  try {
    return await evaluateBatches(opened, request, asked);
  } finally {
    await opened.group.close();
  }
}

function checkRows({ rows, lengths, withLogits }: EvaluationRequest, model: ModelConfig): void {
  if (rows.length === 0 || rows[0].length < 2) {
    throw new InputError({ what: 'there is no row of at least 2 tokens', mend: 'give longer rows' });
  }
  checkLength(rows[0].length, model);
  for (const [index, row] of rows.entries()) {
    if (row.length !== rows[0].length) {
      throw new InputError({
        what: `row ${index} has ${row.length} tokens, row 0 has ${rows[0].length}`,
        mend: 'give rows of equal length, filled up at their ends and with an attention_mask',
      });
    }
    const bad = row.subarray(0, lengths?.[index]).find((token) => token < 0 || token >= model.vocabSize);
    if (bad === undefined) continue;
    throw new InputError({
      what: `token ${bad} is outside the vocabulary of ${model.vocabSize}`,
      where: `row ${index}`,
      mend: "give ids of this model's tokenizer",
    });
  }
  if (withLogits && rows.length * rows[0].length * model.vocabSize > MAX_LOGITS) {
    throw new InputError({ what: 'the logits of so many tokens are too large for one file', mend: 'give fewer rows' });
  }
}

function checkLength(length: number, { maxPositionEmbeddings }: ModelConfig): void {
  if (length > maxPositionEmbeddings) {
    throw new InputError({
      what: `rows have ${length} tokens, more than the model's max_position_embeddings, ${maxPositionEmbeddings}`,
      mend: 'cut them into shorter rows',
    });
  }
  if (length <= MAX_ROW_TOKENS) return;
  const bytes = KERNELS_WITH_MASK * 2 * length ** 2;
  throw new InputError({
    what: `rows have ${length} tokens, for which attention's masks would take ${formatBytes(bytes)}`,
    mend: `use rows of ${MAX_ROW_TOKENS} tokens or less`,
  });
}

async function evaluateBatches(
  { spec, group, model, notes }: OpenModel,
  request: EvaluationRequest,
  asked: readonly string[],
): Promise<Evaluation> {
  const { rows, withLogits, withGradients } = request;
  const length = rows[0].length;
  const lengths = request.lengths ?? rows.map((row) => row.length);
  const atOnce = spec.batchMemory.rows * spec.batch.sequences;
  const tokens = lengths.reduce((sum, count) => sum + Math.max(0, count - 1), 0);
  if (tokens === 0) throw new InputError({ what: 'no row has 2 tokens that count', mend: 'give longer rows' });
  const parts = new Map(asked.map((name) => [name, [] as (Float32Array | Int32Array)[]]));
  let loss = 0;
  for (let first = 0; first < rows.length; first += atOnce) {
    const next = first + atOnce;
    fillRows(spec, rows.slice(first, next), lengths.slice(first, next), 1 / tokens);
    if (withGradients) loss += sumLosses(await group.call('computeGradients'));
    if (withGradients && asked.length === 0) continue;
    const [result] = await group.call('evaluate');
    if (!withGradients) loss += sumLosses([result]);
    for (const [name, value] of result.exports) parts.get(name)?.push(copyRows(value));
  }
  if (!Number.isFinite(loss)) throw notFinite(request.checkpoint);
  const exported = new Map([...parts].map(([name, list]) => [name, join(list)]));
  const shape = [rows.length, length, model.vocabSize];
  const logits = exported.get('logits')?.subarray(
    0,
    shape.reduce((product, dim) => product * dim, 1),
  ) as Float32Array;
  return {
    loss,
    tokens,
    notes,
    exported,
    ...(withLogits && { logits: { name: 'logits', shape, data: logits } }),
    ...(withGradients && { gradients: readGradients(group.states) }),
  };
}

/** Of a model whose weights are finite, as reading them has shown. */
export function notFinite(checkpoint: string): WorkError {
  return new WorkError({
    what: 'what the model computes is not finite',
    where: checkpoint,
    mend: 'its weights are too large or damaged: use another checkpoint',
  });
}

/**
 * Writes rows and their successors; the last of the tokens that count predicts nothing, and missing rows weigh nothing.
 */
function fillRows(
  { batch, batchMemory }: OpenModel['spec'],
  rows: TokenRows,
  lengths: readonly number[],
  tokenWeight: number,
): void {
  const { sequenceLength } = batch;
  const inputs = new Int32Array(batchMemory.buffers.tokens);
  const targets = new Int32Array(batchMemory.buffers.targets);
  const weights = new Float32Array(batchMemory.buffers.tokenWeights).fill(0);
  for (let row = 0; row < batchMemory.rows * batch.sequences; row++) {
    const source = rows[row] ?? rows[0];
    const start = row * sequenceLength;
    inputs.set(source, start);
    targets.set(source.subarray(1), start);
    targets[start + sequenceLength - 1] = 0;
    if (row >= rows.length) continue;
    // What fills a row up may be any number, such as -100.
    inputs.fill(0, start + lengths[row], start + sequenceLength);
    targets.fill(0, start + lengths[row] - 1, start + sequenceLength);
    weights.fill(tokenWeight, start, start + Math.max(0, lengths[row] - 1));
  }
}

function copyRows({ type, rows }: ExportedValue): Float32Array | Int32Array {
  return type === 'float32' ? new Float32Array(rows).slice() : new Int32Array(rows).slice();
}

function join(parts: readonly (Float32Array | Int32Array)[]): Float32Array | Int32Array {
  if (parts.length === 1) return parts[0];
  const total = parts.reduce((sum, { length }) => sum + length, 0);
  const whole = parts[0] instanceof Int32Array ? new Int32Array(total) : new Float32Array(total);
  let position = 0;
  for (const part of parts) {
    whole.set(part, position);
    position += part.length;
  }
  return whole;
}

function readGradients(states: OpenModel['group']['states']): NamedArray[] {
  return states.flatMap(({ layout, state }) =>
    listTensors({ layout, state }).map(({ checkpointName: name, shape, position, count }) => {
      return { name, shape, data: new Float32Array(state, layout.byteOffsets.gradients + 4 * position, count).slice() };
    }),
  );
}
