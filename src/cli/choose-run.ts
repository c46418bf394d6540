import { existsSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { InputError } from '../base/index.js';
import type { TracedConfig } from '../config/index.js';
import { readTracedConfig, requireStored } from '../formats/index.js';
import { type RunPlace, runPaths } from '../train/index.js';
import { checkOutputs, filesOf } from './input-files.js';
import { checkpointOverrides } from './train-from.js';

interface RunFlags {
  readonly set: readonly string[];
  readonly steps?: string;
  readonly out?: string;
  readonly resume?: string;
  readonly from?: string;
}

/** What a call asks for, where the values of the config were written, and where the run lies. */
export interface ChosenRun extends TracedConfig {
  readonly place: RunPlace;
}

/** What to train, and where: what a config file or that of a run says, as flags change it. Throws `InputError`. */
export function chooseRun(file: string | undefined, flags: RunFlags): ChosenRun {
  const { steps, out, resume, from } = flags;
  const overrides = [
    ...(from === undefined ? [] : checkpointOverrides(from)),
    ...flags.set,
    ...(steps === undefined ? [] : [{ text: `train.steps=${steps}`, where: `--steps ${steps}` }]),
  ];
  if (resume === undefined) {
    const traced = readTracedConfig(file, overrides);
    if (out !== undefined) checkOutputs(Object.values(runPaths(out)), [file, ...filesOf(traced.config)]);
    return { ...traced, place: { kind: 'new', folder: out } };
  }
  if (file !== undefined || out !== undefined || from !== undefined) {
    throw new InputError({
      what: '--resume takes its config and folder from the run',
      where: '--resume',
      mend: 'leave out the config, --from and --out; use --set',
    });
  }
  const place = findRun(resume);
  const { config } = runPaths(place.folder);
  requireStored(config);
  return { ...readTracedConfig(config, overrides), place };
}

/** The run that `path` names by its folder, or by that of one of its checkpoints. */
function findRun(path: string): RunPlace & { readonly kind: 'resumed' } {
  if (path === '')
    throw new InputError({ what: 'the name is empty', where: '--resume', mend: 'give the folder of a run' });
  if (existsSync(runPaths(path).config)) return { kind: 'resumed', folder: path, from: 'last' };
  const whole = resolve(path);
  const folder = dirname(dirname(whole));
  if (basename(dirname(whole)) === 'checkpoints' && existsSync(runPaths(folder).config)) {
    const step = /^\d{1,15}$/.exec(basename(whole))?.[0];
    if (step !== undefined) return { kind: 'resumed', folder: shorten(folder), from: Number(step) };
    const mend = `give its folder as checkpoints/STEP, or the run: --resume ${shorten(folder)}`;
    throw new InputError({ what: 'a checkpoint of a run has a step as its name', where: path, mend });
  }
  const mend = existsSync(path) ? 'give the folder of a run, which holds a config.toml' : 'give the folder of a run';
  throw new InputError({ what: 'there is no run to resume', where: join(path, 'config.toml'), mend });
}

/** As a person would write it. */
function shorten(folder: string): string {
  const path = relative('.', folder);
  return path === '' ? '.' : path.startsWith('..') ? folder : path;
}
