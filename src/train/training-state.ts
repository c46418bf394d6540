import { createHash } from 'node:crypto';
import { createReadStream, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../base/index.js';
import { asTable, fileError, readJson, requireStored, writeFileWhole } from '../formats/index.js';

/** What a checkpoint says of its training, beside the numbers: `training.json`. */
export interface TrainingState {
  /** The checkpoint was written after it. */
  readonly step: number;
  readonly seed: number;
  /** The checkpoint's other files; undefined of one that an earlier build wrote. */
  readonly files: readonly FileSum[] | undefined;
}

interface FileSum {
  readonly name: string;
  readonly bytes: number;
  /** In hexadecimal digits, as `sha256sum` prints it. */
  readonly sha256: string;
}

/** Version of the training files beside the Hugging Face layout. */
const VERSION = 1;
const MAX_BYTES = 2 ** 16;
const READ_BYTES = 2 ** 20;
const FILE = 'training.json';

/**
 * Writes `training.json` into a folder in which all other files of a checkpoint lie, with the length and the SHA-256 of
 * each, and one of itself: of the algorithms of `node:crypto` it is among the fastest,
 * as processors have instructions for it, and anybody can check a file with `sha256sum`. Throws as `writeFileWhole`.
 */
export async function writeTrainingState(
  folder: string,
  { step, seed, sequenceLength }: { readonly step: number; readonly seed: number; readonly sequenceLength: number },
): Promise<void> {
  const files: Record<string, Omit<FileSum, 'name'>> = {};
  for (const name of readdirSync(folder).sort()) files[name] = await sumFile(join(folder, name));
  const content = { version: VERSION, step, seed, sequenceLength, files };
  await writeFileWhole(join(folder, FILE), `${JSON.stringify({ ...content, sha256: sumContent(content) })}\n`);
}

/** Reads a checkpoint's `training.json`. Throws `InputError` for one of another version, or one that is damaged. */
export function readTrainingState(folder: string): TrainingState {
  const where = join(folder, FILE);
  requireStored(where);
  const { sha256, ...content } = asTable(readJson(where, { maxBytes: MAX_BYTES }));
  const { version, step, seed, files } = content;
  if (version !== VERSION || !isCount(step) || !isCount(seed)) {
    throw new InputError({
      what: 'the training state is not one of this version',
      where,
      mend: 'resume from a checkpoint that this program wrote',
    });
  }
  if (sha256 === undefined && files === undefined) return { step, seed, files: undefined };
  if (sha256 !== sumContent(content)) throw damaged('its checksum is not that of what it says', where);
  return { step, seed, files: readSums(files, where) };
}

/** Throws `InputError` unless every file of a checkpoint is as it was written. */
export async function checkSums(folder: string, files: readonly FileSum[]): Promise<void> {
  for (const { name, bytes, sha256 } of files) {
    const where = join(folder, name);
    requireStored(where);
    const found = await sumFile(where);
    if (found.bytes !== bytes) throw damaged(`it has ${found.bytes} bytes instead of ${bytes}`, where);
    if (found.sha256 !== sha256) throw damaged('its checksum is not that of what was written', where);
  }
}

function damaged(what: string, where: string): InputError {
  return new InputError({ what: `the file is damaged: ${what}`, where, mend: 'resume from another checkpoint' });
}

async function sumFile(path: string): Promise<Omit<FileSum, 'name'>> {
  const hash = createHash('sha256');
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: READ_BYTES })) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch (error) {
    throw fileError(error, path, 'read');
  }
  return { bytes, sha256: hash.digest('hex') };
}

function sumContent(content: Readonly<Record<string, unknown>>): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}

/** A file lies in the folder itself: what has another name is not looked at. */
function readSums(files: unknown, where: string): FileSum[] {
  return Object.entries(asTable(files)).map(([name, sum]) => {
    const { bytes, sha256 } = asTable(sum);
    if (!/^[\w-][\w.-]*$/.test(name) || !isCount(bytes) || typeof sha256 !== 'string')
      throw damaged('it lists files that a checkpoint does not have', where);
    return { name, bytes, sha256 };
  });
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
