import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';

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
