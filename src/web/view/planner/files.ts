import { InputError } from '../../../base/index.js';
import { parseJson, parseToml } from '../../../formats/browser.js';
import { type ReadBasis, readBasis } from '../../../plan/index.js';

/** A text file of the example, or that somebody gave. */
export interface PlannerFile {
  /** Without folders: files name each other by it. */
  readonly name: string;
  readonly text: string;
}

/** Most bytes of all files that somebody gives, together. */
export const mostPlannerBytes = 2 ** 21;

/** The files that a search starts from. */
export interface PlannerSources {
  /** A model, a cluster and its calibration, used where nobody gave another. */
  readonly example: readonly PlannerFile[];
  /** In the order in which they were given. */
  readonly given: readonly PlannerFile[];
  readonly isCalibrated: boolean;
}

/** A basis, and what the files are called that it was read from. */
export interface NamedBasis extends ReadBasis {
  readonly modelFile: string;
  readonly clusterFile: string;
}

type FileKind = 'model' | 'cluster' | 'calibration';

/**
 * Reads what to plan from files that name each other by their names alone. A JSON file is a model, a TOML file with a table `[measured]` a calibration, any other
 * TOML file a cluster; of several the last one counts. A model that a TOML file names is only planned for if there is no other. Throws `InputError` with
 * the file's name for what is none of these, cannot be read, or is named but missing.
 */
export function readPlannerFiles({ example, given, isCalibrated }: PlannerSources): NamedBasis {
  const texts = new Map([...example, ...given].map(({ name, text }) => [name, text]));
  const textOf = (name: string): string => {
    const text = texts.get(name);
    if (text !== undefined) return text;
    throw new InputError({ what: `there is no file ${name}`, where: name, mend: 'give it too: another file names it' });
  };
  const readToml = (name: string) => parseToml(textOf(name), name);
  const kinds = given.map(({ name }) => ({ name, kind: kindOf(name, readToml) }));
  const lastGiven = (kind: FileKind) => kinds.findLast((one) => one.kind === kind)?.name;
  const ofExample = (kind: FileKind) => example.find(({ name }) => kindOf(name, readToml) === kind)?.name ?? kind;
  const clusterFile = lastGiven('cluster') ?? ofExample('cluster');
  const calibration = isCalibrated ? lastGiven('calibration') : 'none';
  const named = namedModels([clusterFile, ...(calibration === undefined ? [] : [calibration])], readToml);
  const models = kinds.filter(({ kind }) => kind === 'model').map(({ name }) => name);
  const modelFile = models.findLast((name) => !named.has(name)) ?? models.at(-1) ?? ofExample('model');
  const read = readBasis(
    { model: modelFile, cluster: clusterFile, ...(calibration === undefined ? {} : { calibration }) },
    { readJson: (name) => parseJson(textOf(name), name), readToml, resolve: baseName },
  );
  return { ...read, modelFile, clusterFile };
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1);
}

function kindOf(name: string, readToml: (name: string) => Record<string, unknown>): FileKind {
  const ending = name.slice(name.lastIndexOf('.') + 1).toLowerCase();
  if (ending === 'json') return 'model';
  if (ending === 'toml') return 'measured' in readToml(name) ? 'calibration' : 'cluster';
  throw new InputError({
    what: `${name} is neither JSON nor TOML`,
    where: name,
    mend: 'give the config.json of a model, or the .toml of a cluster or a measured step',
  });
}

/** Models that clusters and calibrations were measured with. */
function namedModels(names: readonly string[], readToml: (name: string) => Record<string, unknown>): Set<string> {
  const named = names.flatMap((name) => {
    if (name === 'none') return [];
    return Object.values(readToml(name)).flatMap((table) => {
      const model: unknown = typeof table === 'object' && table !== null && 'model' in table ? table.model : undefined;
      return typeof model === 'string' ? [baseName(model)] : [];
    });
  });
  return new Set(named);
}
