import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after } from 'node:test';
import { InputError } from '../../base/index.js';
import { createMemoryTree, type MemoryFile } from '../memory-tree.js';
import { readExpertLoads } from './read-expert-loads.js';
import { type LoadsOptions, readExpertLoadsFrom } from './read-from.js';
import type { RecordedLoads } from './recorded-loads.js';

interface Writer {
  /** It goes when the tests have ended. */
  readonly folder: string;
  /** Writes a file into the folder, and returns its path. What is no text or bytes becomes JSON. */
  readonly write: (name: string, content: unknown) => string;
  /** Writes files into a folder in it, and returns its path. */
  readonly writeFolder: (name: string, files: Readonly<Record<string, unknown>>) => string;
}

/** Writes files for tests into a folder of their own. */
export function makeWriter(): Writer {
  const folder = mkdtempSync(join(tmpdir(), 'loads-'));
  after(() => rmSync(folder, { recursive: true }));
  const write = (name: string, content: unknown) => {
    const path = join(folder, name);
    const isWritten = typeof content === 'string' || content instanceof Uint8Array;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, isWritten ? content : JSON.stringify(content));
    return path;
  };
  const writeFolder = (name: string, files: Readonly<Record<string, unknown>>) => {
    mkdirSync(join(folder, name), { recursive: true });
    for (const [file, content] of Object.entries(files)) write(join(name, file), content);
    return join(folder, name);
  };
  return { folder, write, writeFolder };
}

/** Fails unless the paths are refused with such a message, of one line. */
export async function refusesLoads(paths: string | readonly string[], message: RegExp): Promise<void> {
  await assert.rejects(readExpertLoadsOfBoth(paths), (error) => {
    assert.ok(error instanceof InputError, error instanceof Error ? error.stack : String(error));
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n|correct the file|convert it to UTF-8/);
    return true;
  });
}

/** Records as JSONL. */
export function toLines(records: readonly unknown[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join('');
}

/**
 * As `readExpertLoads`, but from the disk and from memory, where the same must come of it: the same loads, or an error
 * with the same message. The paths are those of the disk, so that both name them alike.
 */
export async function readExpertLoadsOfBoth(
  paths: string | readonly string[],
  options: LoadsOptions = {},
): Promise<RecordedLoads> {
  const files = createMemoryTree(copyOfDisk(typeof paths === 'string' ? [paths] : paths));
  let recorded: RecordedLoads;
  try {
    recorded = await readExpertLoads(paths, options);
  } catch (error) {
    assert.ok(error instanceof Error);
    const { name, message } = error;
    assert.throws(
      () => readExpertLoadsFrom(files, paths, options),
      (other: Error) => other.name === name && other.message === message,
      message,
    );
    throw error;
  }
  assert.deepEqual(readExpertLoadsFrom(files, paths, options), recorded);
  return recorded;
}

/** What is read of a file, as far as a table says it. */
export async function readTable(path: string | readonly string[], experts?: number) {
  const recorded = await readExpertLoadsOfBoth(path, experts === undefined ? {} : { experts });
  const { loads, layerNumbers, layerNumbering, notes, windowNames, format } = recorded;
  const { windows, layers, experts: each, counts } = loads;
  return {
    format,
    shape: [windows, layers, each],
    counts: [...counts],
    layerNumbers,
    layerNumbering,
    windowNames,
    notes,
  };
}

/** What is in folders, and files with those beside them that may belong to them. */
function copyOfDisk(paths: readonly string[]): MemoryFile[] {
  const found = new Set<string>();
  for (const path of paths) {
    const whole = existsSync(path) ? path : path.slice(0, path.lastIndexOf('#'));
    if (!existsSync(whole)) continue;
    const isFolder = statSync(whole).isDirectory();
    const folder = isFolder ? whole : dirname(whole);
    if (!isFolder) found.add(whole);
    const names = readdirSync(folder, { recursive: isFolder }).map(String);
    for (const name of names) if (isFolder || name.endsWith('.pt')) found.add(join(folder, name));
  }
  return [...found]
    .filter((file) => existsSync(file) && statSync(file).isFile())
    .map((file) => ({ path: file, bytes: new Uint8Array(readFileSync(file)) }));
}
