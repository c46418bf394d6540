import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { InputError, WorkError } from '../base/index.js';

/** Whether a person at a terminal that shows colours reads standard output. */
export function hasColor(): boolean {
  const isOff = (process.env.NO_COLOR ?? '') !== '' || process.env.TERM === 'dumb';
  return process.stdout.isTTY === true && !isOff;
}

/** Columns of a terminal; elsewhere a line may be as long as it needs to be, up to a bound. */
export function outputWidth(): number {
  return process.stdout.isTTY === true ? process.stdout.columns : 2000;
}

/** Writes `text` to `file` (whole or not at all: beside, then renamed), or to standard output without one. */
export function writeOutput(text: string, file: string | undefined): void {
  if (file === undefined) {
    if (!process.stdout.listeners('error').includes(ignoreClosedReader)) process.stdout.on('error', ignoreClosedReader);
    process.stdout.write(text);
    return;
  }
  if (file === '') throw new InputError({ what: 'the name of the output file is empty', where: '--out' });
  const beside = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.part`;
  try {
    writeFileSync(beside, text, { flag: 'wx' });
    renameSync(beside, file);
  } catch (error) {
    rmSync(beside, { force: true });
    throw describeWriteError(error, file);
  }
}

/** A reader that has seen enough (`| head`) is no failure. */
function ignoreClosedReader(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
}

function describeWriteError(error: unknown, file: string): Error {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT' || code === 'ENOTDIR')
    return new InputError({ what: 'the folder of the output file does not exist', where: file }, { cause: error });
  if (code === 'EISDIR') return new InputError({ what: 'the output file is a folder', where: file }, { cause: error });
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') {
    return new InputError(
      { what: 'the output file cannot be written', where: file, mend: 'choose another place' },
      { cause: error },
    );
  }
  return new WorkError(
    { what: `the output could not be written: ${(error as Error).message}`, where: file },
    { cause: error },
  );
}
