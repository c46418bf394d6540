import { InputError, type Problem } from '../../../base/index.js';
import type { FolderNews, MetricsNews, RunFileName } from '../../view/index.js';

/** Who hears what comes of a run. */
export interface RunListener {
  readonly onMetrics: (news: MetricsNews) => void;
  readonly onFolder: (news: FolderNews) => void;
  /** Undefined once what was wrong is over. */
  readonly onProblem: (problem: Problem | undefined) => void;
}

/** Where a run's data come from: a server, while the run may be going on, or files that the person gave. */
export interface RunSource {
  readonly id: string;
  /** What the person calls it: its folder. */
  readonly folder: string;
  /** Tells what there is, and what comes, until the function that it gives is called. */
  watch(listener: RunListener): () => void;
  /** The text of a file of the run; undefined if it has none (any more). Throws `InputError`. */
  read(file: RunFileName): Promise<string | undefined>;
}

/** `JSON.parse` of what another side says, which may be cut off or not ours. Throws `InputError`. */
export function parseNews<T>(text: string, where: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new InputError(
      { what: 'the server says what cannot be read', where, mend: 'load the page again' },
      { cause: error },
    );
  }
}
