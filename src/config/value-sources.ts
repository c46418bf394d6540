import { InputError, type Problem } from '../base/index.js';

/** Where one value of a config was written, as errors name it. */
export interface ValueSource {
  /** What is written later counts more: a flag more than a file. */
  readonly kind: 'file' | 'flag';
  /** `run.toml, [model]`, `--set model.vocab_size=100`. */
  readonly where: string;
}

/** By key (`model.vocab_size`) where its value was written; a key that is missing has its default. */
export type ValueSources = ReadonlyMap<string, ValueSource>;

/**
 * The problem with the place where the values of its keys were written: the flags if any of them is from a flag, else
 * the first file, else the defaults. A problem without keys stays as it is.
 */
export function placeProblem(problem: Problem, sources: ValueSources): Problem {
  const { keys = [] } = problem;
  const found = keys.flatMap((key) => sources.get(key) ?? []);
  const flags = found.filter(({ kind }) => kind === 'flag').map(({ where }) => where);
  if (flags.length > 0) return { ...problem, where: [...new Set(flags)].join(' and ') };
  if (found.length > 0) return { ...problem, where: found[0].where };
  return keys.length === 0 ? problem : { ...problem, where: `the defaults, [${keys[0].split('.')[0]}]` };
}

/** What was thrown, with the place of `placeProblem` if it is an `InputError` about keys of a config. */
export function placeError(error: unknown, sources: ValueSources): unknown {
  if (!(error instanceof InputError) || error.problem.keys === undefined) return error;
  return new InputError(placeProblem(error.problem, sources), { cause: error });
}
