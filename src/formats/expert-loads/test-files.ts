import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { createMemoryTree, type MemoryFile } from '../memory-tree.js';
import { readExpertLoads } from './read-expert-loads.js';
import { type LoadsOptions, readExpertLoadsFrom } from './read-from.js';
import type { RecordedLoads } from './recorded-loads.js';

/** Writes a file into a folder that goes when the tests have ended, and returns its path. What is no text or bytes becomes JSON. */
export function makeWriter(): { readonly folder: string; readonly write: (name: string, content: unknown) => string } {
  const folder = mkdtempSync(join(tmpdir(), 'loads-'));
  after(() => rmSync(folder, { recursive: true }));
  const write = (name: string, content: unknown) => {
    const path = join(folder, name);
    const isWritten = typeof content === 'string' || content instanceof Uint8Array;
    writeFileSync(path, isWritten ? content : JSON.stringify(content));
    return path;
  };
  return { folder, write };
}

/** Records as JSONL. */
export function toLines(records: readonly unknown[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/**
 * As `readExpertLoads`, but from the disk and from memory, where the same must come of it: the same loads, or an error with the same message. The path is that of
 * the disk, so that both name it alike.
 */
export async function readExpertLoadsOfBoth(path: string, options: LoadsOptions = {}): Promise<RecordedLoads> {
  const files = createMemoryTree(copyOfDisk(path));
  let recorded: RecordedLoads;
  try {
    recorded = await readExpertLoads(path, options);
  } catch (error) {
    assert.ok(error instanceof Error);
    const { name, message } = error;
    // Where a gzip of a browser ends within its check sum, it is damaged rather than cut.
    const either = (text: string) => text.replace(/the gzip (was cut|is damaged)/, 'the gzip was cut or is damaged');
    assert.throws(
      () => readExpertLoadsFrom(files, path, options),
      (other: Error) => other.name === name && either(other.message) === either(message),
      message,
    );
    throw error;
  }
  assert.deepEqual(readExpertLoadsFrom(files, path, options), recorded);
  return recorded;
}

/** What is in a folder, or a file with those beside it that may belong to it. */
function copyOfDisk(path: string): MemoryFile[] {
  const whole = existsSync(path) ? path : path.slice(0, path.lastIndexOf('#'));
  if (!existsSync(whole)) return [];
  const isFolder = statSync(whole).isDirectory();
  const folder = isFolder ? whole : dirname(whole);
  const beside = readdirSync(folder).filter((name) => isFolder || name.endsWith('.pt'));
  return [...new Set([...(isFolder ? [] : [whole]), ...beside.map((name) => join(folder, name))])]
    .filter((file) => existsSync(file) && statSync(file).isFile())
    .map((file) => ({ path: file, bytes: new Uint8Array(readFileSync(file)) }));
}
