import { existsSync } from 'node:fs';
import { escapeControls, InputError } from '../base/index.js';
import { writeFileWhole } from '../formats/index.js';

/** Whether a person at a terminal that shows colours reads standard output. */
export function hasColor(): boolean {
  const isOff = (process.env.NO_COLOR ?? '') !== '' || process.env.TERM === 'dumb';
  return process.stdout.isTTY === true && !isOff;
}

/** Columns of a picture where there is no terminal: in a file or a pipe. */
export const plainWidth = 160;

/** Columns of a terminal that does not say how many it has. */
const usualColumns = 80;

/** Columns of the terminal, or `plainWidth`. */
export function outputWidth(stream: NodeJS.WriteStream = process.stdout): number {
  if (stream.isTTY !== true) return plainWidth;
  return stream.columns > 0 ? stream.columns : usualColumns;
}

/** Writes `text` to `file`, whole or not at all, or to standard output without one. Throws as `writeFileWhole`. */
export async function writeOutput(text: string, file: string | undefined): Promise<void> {
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  if (file === '') throw new InputError({ what: 'the name of the output file is empty', where: '--out' });
  await replaceOutput(file, () => writeFileWhole(file, text));
}

/** Lets `write` write the file that was asked for, and notes where it took another's place. */
export async function replaceOutput(file: string, write: () => Promise<void>): Promise<void> {
  const isThere = existsSync(file);
  await write();
  if (isThere) writeNotes([`${file} was there and is replaced`]);
}

/**
 * Text of a model as a terminal may be given it: nothing in it steers the terminal. Elsewhere it stays as it is, for it
 * is data.
 */
export function shownText(text: string, isTerminal = process.stdout.isTTY === true): string {
  return isTerminal ? escapeControls(text) : text;
}

/** Writes what a person should know about files and results to standard error, a line each; warnings first. */
export function writeNotes(notes: readonly string[]): void {
  const isWarning = (note: string): boolean => note.startsWith('warning: ');
  const warnings = notes.filter(isWarning);
  const others = notes.filter((note) => !isWarning(note)).map((note) => `note: ${note}`);
  for (const line of [...warnings, ...others]) process.stderr.write(`${escapeControls(line)}\n`);
}

/**
 * From now on nothing that is written to a standard stream ends the process with a stack trace. A reader that has seen
 * enough (`| head`) is no failure, nor is a terminal that has gone; a full
 * disk is, which shows only after the command has ended.
 */
export function guardStreams(): void {
  if (process.stdout.listeners('error').includes(reportLostOutput)) return;
  process.stdout.on('error', reportLostOutput);
  // There is no place left to tell it.
  process.stderr.on('error', () => undefined);
}

function reportLostOutput(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE' || process.stdout.isTTY === true) return;
  process.stderr.write(
    `doubletrack: standard output cannot be written: ${error.code} (standard output): make room, or write elsewhere\n`,
  );
  process.exit(1);
}
