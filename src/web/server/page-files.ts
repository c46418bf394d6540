import { readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError } from '../../base/index.js';
import { serverMark } from '../view/index.js';

/** A file of the built page. */
export interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly type: string;
  /** Whether its name changes with its content. */
  readonly isLasting: boolean;
}

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
  '.toml': 'text/plain; charset=utf-8',
};

/** Where `npm run build:page` puts the page. */
const builtPage = fileURLToPath(new URL('../../../page', import.meta.url));

/**
 * All files of the built page, by their path in addresses: `/`, `/assets/index-1a2b.js`. They are few and small, and held in memory, so that no address can
 * lead out of their folder. Throws `InputError` if the page was not built.
 */
export function readPageFiles(folder = builtPage): ReadonlyMap<string, PageFile> {
  const files = new Map<string, PageFile>();
  try {
    for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const path = join(entry.parentPath, entry.name);
      const address = path.slice(folder.length).replaceAll('\\', '/');
      const bytes = new Uint8Array(readFileSync(path));
      const isStart = address === '/index.html';
      files.set(isStart ? '/' : address, {
        bytes: isStart ? markServed(bytes) : bytes,
        type: types[extname(path)] ?? 'application/octet-stream',
        isLasting: address.startsWith('/assets/'),
      });
    }
  } catch (error) {
    throw notBuilt(folder, error);
  }
  if (!files.has('/')) throw notBuilt(folder);
  return files;
}

/** Tells the page that there is a server behind it, which it would else have to find out by asking in vain. */
function markServed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextDecoder().decode(bytes);
  return new TextEncoder().encode(text.replace('<head>', `<head><meta name="${serverMark}" content="runs">`));
}

function notBuilt(folder: string, cause?: unknown): InputError {
  return new InputError({ what: 'the page is not built', where: folder, mend: 'run npm run build:page' }, { cause });
}
