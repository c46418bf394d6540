import { InputError } from '../../base/index.js';
import type { TrainingConfig } from '../../config/index.js';
import type { TokenRange } from './batches.js';
import { loadTexts } from './text.js';
import { openTokenizer, type Tokenizer } from './tokenizer.js';

/** A text as token ids, in memory that every rank sees. */
export interface Corpus {
  readonly tokenizer: Tokenizer;
  /** Of the text, before it was made tokens. */
  readonly bytes: number;
  /** On a SharedArrayBuffer, `[trainingTokens]`: one kind of text after the other. */
  readonly training: Int32Array<SharedArrayBuffer>;
  /** Where each kind of text lies in `training`. */
  readonly kinds: readonly TokenRange[];
  /** The end of each kind of text, `[validationTokens]`, on the same buffer. */
  readonly validation: Int32Array<SharedArrayBuffer>;
}

/**
 * Reads, tokenizes and splits the text of a run. Throws `InputError` if a file is bad, a kind of text too short for one sequence in each part, or the
 * model's vocabulary too small for the tokenizer.
 */
export async function loadCorpus({ data, model }: Pick<TrainingConfig, 'data' | 'model'>): Promise<Corpus> {
  const tokenizer = openTokenizer(data.tokenizer);
  if (tokenizer.vocabularySize > model.vocabSize) {
    throw new InputError({
      what: `vocab_size is ${model.vocabSize}, but the tokenizer has ${tokenizer.vocabularySize} tokens`,
      where: tokenizer.name,
      keys: ['model.vocab_size', 'data.tokenizer'],
      mend: `set vocab_size in [model] to ${tokenizer.vocabularySize}`,
    });
  }
  const texts = await loadTexts(data);
  const bytes = texts.reduce((sum, { length }) => sum + length, 0);
  const kinds = texts.map((text) => tokenizer.encode(text));
  return { tokenizer, bytes, ...splitTokens(kinds, data) };
}

/**
 * Lays the tokens of all kinds of text into shared memory: first what is for training, then the last part of each kind, which is for validation.
 * Throws `InputError` unless both parts of each kind hold a sequence and its next token.
 */
export function splitTokens(
  kinds: readonly Int32Array[],
  { validationFraction, sequenceLength }: { readonly validationFraction: number; readonly sequenceLength: number },
): Omit<Corpus, 'tokenizer' | 'bytes'> {
  const cuts = kinds.map(({ length }) => length - Math.ceil(length * validationFraction));
  for (const [kind, { length }] of kinds.entries())
    requireSequences({
      name: kinds.length === 1 ? 'the text' : `text ${kind + 1}`,
      length,
      cut: cuts[kind],
      sequenceLength,
    });
  const all = joinTokens([
    ...kinds.map((tokens, kind) => tokens.subarray(0, cuts[kind])),
    ...kinds.map((tokens, kind) => tokens.subarray(cuts[kind])),
  ]);
  const ends = cuts.map((_, kind) => cuts.slice(0, kind + 1).reduce((sum, cut) => sum + cut, 0));
  const boundary = ends.at(-1) ?? 0;
  return {
    training: all.subarray(0, boundary),
    kinds: ends.map((end, kind) => ({ start: end - cuts[kind], end })),
    validation: all.subarray(boundary),
  };
}

function requireSequences(text: {
  readonly name: string;
  readonly length: number;
  readonly cut: number;
  readonly sequenceLength: number;
}): void {
  const { name, length, cut, sequenceLength } = text;
  for (const [purpose, part] of Object.entries({ training: cut, validation: length - cut })) {
    if (part > sequenceLength) continue;
    throw new InputError({
      what: `${name} is too short: ${part} of its ${length} tokens are for ${purpose}, a sequence needs ${sequenceLength + 1}`,
      where: '[data]',
      keys: ['data.text', 'data.sequence_length', 'data.validation_fraction', 'data.dataset'],
      mend: 'give more text, a shorter sequence_length or another validation_fraction',
    });
  }
}

function joinTokens(parts: readonly Int32Array[]): Int32Array<SharedArrayBuffer> {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const all = new Int32Array(new SharedArrayBuffer(length * Int32Array.BYTES_PER_ELEMENT));
  let end = 0;
  for (const part of parts) {
    all.set(part, end);
    end += part.length;
  }
  return all;
}
