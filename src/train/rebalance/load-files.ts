import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from '../../base/index.js';
import { makeFolder, readJson, removePath, renamePath, replaceFile, writeFileWhole } from '../../formats/index.js';
import type { CountedLoads, StepLoads } from './window.js';

/** Writes the loads of a run into files of some steps each. */
export interface LoadFiles {
  /** Takes the next step; with `isShown`, the file that is being filled is written up to it. Throws as `writeFileWhole`. */
  add(step: StepLoads, isShown: boolean): Promise<void>;
  /** Ends the file that is being filled, with all that was taken. */
  flush(): Promise<void>;
}

/** The run whose loads are written. */
export interface LoadFilesOptions extends Omit<CountedLoads, 'warmUpSteps'> {
  readonly folder: string;
  /** The model's layers, with experts or without. */
  readonly hiddenLayers: number;
}

/** A file holds no more, so that whoever reads one needs little memory. */
const MOST_STEPS = 100;

/**
 * Files `FIRST-LAST.json` in the run's `loads` folder, named after their steps: SGLang's `{"logical_count": [steps][layers][experts]}` with a row for each of the model's
 * `hiddenLayers` layers (those without experts are 0, as SGLang has it), and beside it `steps` and `layers`, the numbers of the steps and of the layers with experts. The file that is being filled
 * gets its longer name before its longer content. `done` is the step that the
 * run goes on from: files beyond it, of a run that was cut off, are removed, and one that reaches beyond it is shortened. Throws as `writeFileWhole` and, for a file
 * that has to be shortened and cannot be read, or one in place of the folder, `InputError`.
 */
export async function createLoadFiles(run: LoadFilesOptions, done: number): Promise<LoadFiles> {
  const folder = join(run.folder, 'loads');
  await trimLoadFiles(folder, done);
  let rows: { readonly step: number; readonly text: string }[] = [];
  /** The file of these rows, as far as it is written. */
  let written: string | undefined;
  const openFile = (): string => {
    makeFolder(folder);
    const file = join(folder, nameOf(rows[0].step, rows[rows.length - 1].step));
    // First the name, then the content: so whoever lists the folder sees each step once, at every moment.
    if (written !== undefined && written !== file && existsSync(written)) renamePath(written, file);
    written = file;
    return file;
  };
  const flush = async (): Promise<void> => {
    if (rows.length === 0) return;
    await writeFileWhole(openFile(), formatLoads(rows, run.layers));
    rows = [];
    written = undefined;
  };
  return {
    async add(loads, isShown) {
      rows.push({ step: loads.step, text: formatStep(loads, run) });
      if (rows.length >= MOST_STEPS) await flush();
      else if (isShown) replaceFile(openFile(), [...formatLoads(rows, run.layers)].join(''));
    },
    flush,
  };
}

/** So that names sort as steps do: training runs are shorter than 10^7 steps, and longer ones are still read in order. */
const DIGITS = 7;

function nameOf(first: number, last: number): string {
  return `${String(first).padStart(DIGITS, '0')}-${String(last).padStart(DIGITS, '0')}.json`;
}

/** A step's counts as a line. */
function formatStep({ counts }: StepLoads, { layers, experts, hiddenLayers }: LoadFilesOptions): string {
  const none = new Array<number>(experts).fill(0);
  const step = Array.from({ length: hiddenLayers }, (_, layer) => {
    const row = layers.indexOf(layer);
    return row < 0 ? none : [...counts.subarray(row * experts, (row + 1) * experts)];
  });
  return JSON.stringify(step);
}

/** The file's text in pieces, a line a step. */
function* formatLoads(
  rows: readonly { readonly step: number; readonly text: string }[],
  layers: readonly number[],
): Generator<string> {
  yield '{"logical_count": [\n';
  for (const [index, { text }] of rows.entries()) yield `${text}${index === rows.length - 1 ? '' : ','}\n`;
  yield `], "steps": ${JSON.stringify(rows.map(({ step }) => step))}, "layers": ${JSON.stringify(layers)}}\n`;
}

/** Removes or shortens the files of a run that hold steps beyond `done`. */
async function trimLoadFiles(folder: string, done: number): Promise<void> {
  if (existsSync(folder) && !statSync(folder).isDirectory())
    throw new InputError({
      what: 'the loads of a run need a folder, and this is a file',
      where: folder,
      mend: 'move it elsewhere',
    });
  for (const entry of existsSync(folder) ? readdirSync(folder, { withFileTypes: true }) : []) {
    const { name } = entry;
    if (!entry.isFile()) continue;
    const [, first, last] = /^(\d+)-(\d+)\.json$/.exec(name) ?? [];
    if (first === undefined || Number(last) <= done) continue;
    const file = join(folder, name);
    if (Number(first) <= done) await writeShorter(folder, file, done);
    removePath(file);
  }
}

const MAX_BYTES = 300 * 2 ** 20;

async function writeShorter(folder: string, file: string, done: number): Promise<void> {
  const content = readJson(file, { maxBytes: MAX_BYTES }) as Readonly<Record<string, unknown>> | null;
  const { logical_count: counts, steps, layers } = content ?? {};
  const isOurs = Array.isArray(counts) && Array.isArray(steps) && counts.length === steps.length;
  const kept = isOurs ? (steps as unknown[]).filter((step) => typeof step === 'number' && step <= done) : [];
  if (!isOurs || kept.length === 0) {
    const mend = 'move it elsewhere';
    throw new InputError({ what: `its name says that it holds step ${done}, and it does not`, where: file, mend });
  }
  const shorter = { logical_count: counts.slice(0, kept.length), steps: kept, layers };
  await writeFileWhole(
    join(folder, nameOf(kept[0] as number, kept[kept.length - 1] as number)),
    `${JSON.stringify(shorter)}\n`,
  );
}
