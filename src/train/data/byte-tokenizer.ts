import { asTable } from '../../formats/index.js';

/**
 * The character that stands for each byte in a byte-level vocabulary: bytes that print stand for themselves, the others
 * for characters from 256 on, in their order. Source: `bytes_to_unicode` of GPT-2's encoder.py.
 */
function byteCharacters(): string[] {
  const prints = (byte: number) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte !== 173);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(prints(byte) ? byte : next++));
}

const byteVocabulary: Readonly<Record<string, number>> = Object.fromEntries(
  byteCharacters().map((character, byte) => [character, byte]),
);

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };

/** The text of a Hugging Face `tokenizer.json` in which token b is byte b. */
export function formatByteTokenizer(): string {
  const model = {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: byteVocabulary,
    merges: [],
  };
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: [],
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model,
  };
  return `${JSON.stringify(tokenizer)}\n`;
}

/** Whether a `tokenizer.json` (parsed) is the one of `formatByteTokenizer`. */
export function isByteTokenizer(json: unknown): boolean {
  const { model } = asTable(json);
  const { vocab } = asTable(model);
  // A large one is not written out only to be compared.
  if (Object.keys(asTable(vocab)).length !== 256) return false;
  return JSON.stringify(json) === formatByteTokenizer().trim();
}
