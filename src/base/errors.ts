/**
 * What is wrong, where, and how to mend it: all that a person at the terminal needs, in one line.
 */
export interface Problem {
  /** What is wrong, as a short clause: `microbatches must be at least 8`. */
  readonly what: string;
  /** Where: a file, a row, a key, a flag, a rank. */
  readonly where?: string;
  /** How to mend it: `use 8 or more`. */
  readonly mend?: string;
  /** Of values of a training config that are wrong or do not fit each other: their keys, `model.vocab_size`. */
  readonly keys?: readonly string[];
}

/** Base of all errors that are meant to be read by a person; anything else that is thrown is a bug. */
export abstract class DoubletrackError extends Error {
  abstract readonly exitCode: 1 | 2;
  readonly problem: Problem;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(describeProblem(problem), options);
    this.name = new.target.name;
    this.problem = problem;
  }
}

/** The call or its input is bad: a flag, a config key, a file. Exit code 2. */
export class InputError extends DoubletrackError {
  readonly exitCode = 2;
}

/** The work itself failed: a schedule does not check, training diverged, a rank died. Exit code 1. */
export class WorkError extends DoubletrackError {
  readonly exitCode = 1;
}

/** The code of an error of the system or of Node, such as `ENOENT`; undefined of anything else that was thrown. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : undefined;
}

/** The problem of whatever was thrown; of what is no `DoubletrackError`, its message. */
export function problemOf(error: unknown): Problem {
  if (error instanceof DoubletrackError) return error.problem;
  return { what: error instanceof Error ? error.message : String(error) };
}

/** `WHAT is wrong (WHERE): HOW to mend it`, on one line. */
export function describeProblem({ what, where, mend }: Problem): string {
  const line = `${what}${where === undefined ? '' : ` (${where})`}${mend === undefined ? '' : `: ${mend}`}`;
  return line.replace(/\s*\n\s*/g, ' ');
}
