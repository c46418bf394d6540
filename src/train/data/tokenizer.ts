import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Tokenizer as HuggingFaceTokenizer } from '@huggingface/tokenizers';
import { InputError } from '../../base/index.js';
import { asTable, decodeUtf8, readJson } from '../../formats/index.js';
import { isByteTokenizer } from './byte-tokenizer.js';
import { readSpecialTokens, type SpecialTokens } from './special-tokens.js';

/** Text to token ids and back. Neither adds the special tokens, which say how a whole text begins and ends. */
export interface Tokenizer extends SpecialTokens {
  /** `bytes`, or the path of a tokenizer.json. */
  readonly name: string;
  /** Ids are below it. */
  readonly vocabularySize: number;
  /** A text, or the bytes of one. Throws `InputError` if they are no UTF-8 where that is needed. */
  encode(text: string | Uint8Array): Int32Array;
  /** What is no text becomes U+FFFD. */
  decode(ids: ArrayLike<number>): string;
}

/** The tokenizer that a config names: `bytes` or the path of a Hugging Face `tokenizer.json`. Throws `InputError`. */
export function openTokenizer(name: string): Tokenizer {
  return name === 'bytes' ? byteTokenizer : readTokenizer(name);
}

/** A token is a byte of the UTF-8 text, whatever the bytes are. */
const byteTokenizer: Tokenizer = {
  name: 'bytes',
  vocabularySize: 256,
  startIds: [],
  endId: undefined,
  encode: (text) => Int32Array.from(typeof text === 'string' ? new TextEncoder().encode(text) : text),
  // A byte of 255 occurs in no UTF-8 text: it stands for ids that are no byte.
  decode: (ids) =>
    new TextDecoder('utf-8', { ignoreBOM: true }).decode(
      Uint8Array.from(ids, (id) => (id >= 0 && id < 256 ? id : 255)),
    ),
};

/** Special tokens are not added: the text is a stream, and sequences begin anywhere in it. */
function readTokenizer(path: string): Tokenizer {
  const json = readJson(path, { maxBytes: 2 ** 28 });
  const vocabularySize = readVocabularySize(json, path);
  const config = readTokenizerConfig(path);
  const tokenizer = openHuggingFace(json, config, path);
  const special = readSpecialTokens(json, config, (token) => tokenizer.token_to_id(token));
  if (isByteTokenizer(json)) return { ...byteTokenizer, ...special, name: path };
  const encode = (text: string | Uint8Array) => {
    const whole = typeof text === 'string' ? text : decodeUtf8(text, `the text for ${path}`);
    const encoded = tokenizer.encode(whole, { add_special_tokens: false }).ids;
    const isId = (id: unknown) => Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabularySize;
    if (!encoded.every(isId)) throw badTokenizer(path, 'it knows no token for a part of the text');
    return Int32Array.from(encoded);
  };
  // The text as it was: cleaning spaces up would take that before a full stop or in "it 's".
  const plain = { skip_special_tokens: false, clean_up_tokenization_spaces: false };
  const decode = (ids: ArrayLike<number>) => {
    // A model's vocabulary may be larger than its tokenizer's: ids without a token are no text.
    // The library takes neither them nor an empty list.
    const known = Array.from(ids).filter((id) => tokenizer.id_to_token(id) !== undefined);
    return known.length === 0 ? '' : tokenizer.decode(known, plain);
  };
  return { name: path, vocabularySize, ...special, encode, decode };
}

/** One more than the largest id. The library takes whatever stands in the file, so it is checked here. */
function readVocabularySize(json: unknown, path: string): number {
  const { model, added_tokens: added = [] } = asTable(json);
  const { type, vocab } = asTable(model);
  if (type !== undefined && type !== 'BPE' && type !== 'WordPiece' && type !== 'Unigram')
    throw badTokenizer(path, 'its model is of no known type');
  if (typeof vocab !== 'object' || vocab === null || !Array.isArray(added))
    throw badTokenizer(path, 'it has no vocabulary');
  // A list of [token, score] in the order of ids, or a table of ids.
  const ids: unknown[] = Array.isArray(vocab) ? [vocab.length - 1] : Object.values(vocab);
  for (const token of added) ids.push(asTable(token).id);
  let largest = -1;
  for (const id of ids) {
    if (!(Number.isSafeInteger(id) && (id as number) >= 0 && (id as number) < 2 ** 24))
      throw badTokenizer(path, 'its vocabulary holds a bad id');
    largest = Math.max(largest, id as number);
  }
  if (largest === -1) throw badTokenizer(path, 'its vocabulary is empty');
  return largest + 1;
}

/** The `tokenizer_config.json` beside a tokenizer, parsed. */
function readTokenizerConfig(path: string): unknown {
  const config = join(dirname(path), 'tokenizer_config.json');
  return existsSync(config) ? readJson(config, { maxBytes: 2 ** 24 }) : {};
}

function openHuggingFace(json: unknown, config: unknown, path: string): HuggingFaceTokenizer {
  try {
    return new HuggingFaceTokenizer(asTable(json), asTable(config));
  } catch (error) {
    throw badTokenizer(path, error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function badTokenizer(path: string, what: string, options?: ErrorOptions): InputError {
  return new InputError(
    { what: `the tokenizer cannot be used: ${what}`, where: path, mend: 'take the tokenizer.json of a model' },
    options,
  );
}
