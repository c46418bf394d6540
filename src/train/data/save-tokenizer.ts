import { copyFileSync, existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileError, writeFileWhole } from '../../formats/index.js';
import { formatByteTokenizer } from './byte-tokenizer.js';

/** What else says how a model's text begins, ends and is written, beside its tokenizer.json. */
const companions = [
  'tokenizer_config.json',
  'special_tokens_map.json',
  'generation_config.json',
  'chat_template.jinja',
];

/**
 * Writes what transformers' AutoTokenizer needs into a folder: the `tokenizer.json` of that path and what lies beside
 * it, or that of bytes; where there is no `tokenizer_config.json`, one that takes the tokenizer as it is. Throws as
 * `writeFileWhole`.
 */
export async function saveTokenizer(tokenizer: string, folder: string): Promise<void> {
  const found = tokenizer === 'bytes' ? [] : companions.filter((name) => existsSync(join(dirname(tokenizer), name)));
  for (const name of found) copyFile(join(dirname(tokenizer), name), join(folder, name));
  if (tokenizer === 'bytes') await writeFileWhole(join(folder, 'tokenizer.json'), formatByteTokenizer());
  else copyFile(tokenizer, join(folder, 'tokenizer.json'));
  if (found.includes('tokenizer_config.json')) return;
  const config = { clean_up_tokenization_spaces: false, tokenizer_class: 'PreTrainedTokenizerFast' };
  await writeFileWhole(join(folder, 'tokenizer_config.json'), `${JSON.stringify(config, null, 2)}\n`);
}

function copyFile(from: string, to: string): void {
  try {
    copyFileSync(from, to);
  } catch (error) {
    throw fileError(error, from, 'read');
  }
}
