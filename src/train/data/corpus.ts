import { InputError } from '../../base/index.js';
import type { TrainingConfig } from '../../config/index.js';
import { loadText } from './text.js';
import { openTokenizer, type Tokenizer } from './tokenizer.js';

/** A text as token ids, in memory that every rank sees. */
export interface Corpus {
  readonly tokenizer: Tokenizer;
  /** On a SharedArrayBuffer, `[trainingTokens]`. */
  readonly training: Int32Array<SharedArrayBuffer>;
  /** The end of the text, `[validationTokens]`, on the same buffer. */
  readonly validation: Int32Array<SharedArrayBuffer>;
}

/**
 * Reads, tokenizes and splits the text of a run. Throws `InputError` if a file is bad, the text too short for one sequence in each part, or the model's
 * vocabulary too small for the tokenizer.
 */
export async function loadCorpus({ data, model }: Pick<TrainingConfig, 'data' | 'model'>): Promise<Corpus> {
  const tokenizer = openTokenizer(data.tokenizer);
  if (tokenizer.vocabularySize > model.vocabSize) {
    throw new InputError({
      what: `vocab_size is ${model.vocabSize}, but the tokenizer has ${tokenizer.vocabularySize} tokens`,
      where: tokenizer.name,
      mend: `set vocab_size in [model] to ${tokenizer.vocabularySize}`,
    });
  }
  const tokens = shareTokens(tokenizer.encode(await loadText(data)));
  return { tokenizer, ...splitTokens(tokens, data) };
}

/** The last part of the tokens is for validation. Throws `InputError` unless both parts hold a sequence and its next token. */
export function splitTokens(
  tokens: Int32Array<SharedArrayBuffer>,
  { validationFraction, sequenceLength }: { readonly validationFraction: number; readonly sequenceLength: number },
): Pick<Corpus, 'training' | 'validation'> {
  const boundary = tokens.length - Math.ceil(tokens.length * validationFraction);
  const training = tokens.subarray(0, boundary);
  const validation = tokens.subarray(boundary);
  for (const [name, part] of Object.entries({ training, validation })) {
    if (part.length > sequenceLength) continue;
    throw new InputError({
      what: `the text is too short: ${part.length} of its ${tokens.length} tokens are for ${name}, a sequence needs ${sequenceLength + 1}`,
      where: '[data]',
      mend: 'give more text, a shorter sequence_length or another validation_fraction',
    });
  }
  return { training, validation };
}

function shareTokens(tokens: Int32Array): Int32Array<SharedArrayBuffer> {
  const shared = new Int32Array(new SharedArrayBuffer(tokens.byteLength));
  shared.set(tokens);
  return shared;
}
