import { realpathSync, statSync } from 'node:fs';
import { sep } from 'node:path';
import { InputError } from '../base/index.js';
import type { TrainingConfig } from '../config/index.js';
import type { RecordedPlacement } from '../formats/index.js';
import type { SourceFlags } from './balance-input.js';
import { writeNotes } from './output.js';

/**
 * Throws `InputError` where an output file that is there already is one of the inputs, or lies in a folder that is, by
 * whatever name: no input is ever changed. A part of a file, as in FILE#a/b, is that file.
 */
export function checkOutputs(outputs: readonly (string | undefined)[], inputs: readonly (string | undefined)[]): void {
  const read = inputs.flatMap((input) => (input === undefined ? [] : (find(input) ?? find(withoutPart(input)) ?? [])));
  for (const output of outputs) {
    const written = output === undefined ? undefined : find(output);
    const input = written && read.find(({ path, id }) => id === written.id || written.path.startsWith(path + sep));
    if (input === undefined) continue;
    throw new InputError({
      what: 'it is an input of this call, which would be overwritten',
      where: output ?? '',
      mend: 'name another file for the output',
    });
  }
}

/** What a training config names to be read; words that name no file are among them. */
export function filesOf({ data, train }: TrainingConfig): readonly string[] {
  return [...data.text, data.tokenizer, train.initialCheckpoint];
}

function withoutPart(path: string): string {
  const hash = path.lastIndexOf('#');
  return hash < 0 ? path : path.slice(0, hash);
}

/** What is at a path, by a name that links do not change and by where it lies on the disk. */
function find(path: string): { readonly path: string; readonly id: string } | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return { path: realpathSync(path), id: `${dev}:${ino}` };
  } catch {
    // Nothing is there, or it cannot be looked at: whoever reads or writes it says so.
    return undefined;
  }
}

/**
 * The flags, with the GPUs on which a placement says that it lies where they name none, which is noted. Throws
 * `InputError` where they name others.
 */
export function takeGpus<Flags extends SourceFlags>(
  flags: Flags,
  read: Pick<RecordedPlacement, 'slotStarts'> | undefined,
  where: string | undefined,
): Flags {
  const { slotStarts } = read ?? {};
  if (slotStarts === undefined) return flags;
  const gpus = slotStarts.length - 1;
  if (flags.gpus !== undefined && flags.gpus !== gpus) {
    const isWithout = flags.gpus === gpus + new Set(flags.excludeGpus).size;
    throw new InputError({
      what: `it lies on ${gpus} GPUs, --gpus says ${flags.gpus}`,
      ...(where === undefined ? {} : { where }),
      mend: isWithout
        ? `use --gpus ${gpus} and leave out --exclude-gpus, as the file has only the GPUs that hold experts`
        : `use --gpus ${gpus}, or leave it out`,
    });
  }
  if (flags.gpus === undefined) writeNotes([`${gpus} GPUs, as ${where} says`]);
  const counts = slotStarts.slice(1).map((end, gpu) => end - slotStarts[gpu]);
  const isEven = counts.every((count) => count === counts[0]);
  const isOpen = flags.slots === undefined && flags.gpuSlots === undefined;
  return { ...flags, gpus, ...(isOpen && !isEven ? { gpuSlots: counts } : {}) };
}
