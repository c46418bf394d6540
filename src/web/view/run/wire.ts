import type { StepMetrics } from '../../../formats/browser.js';

/** Name of the meta element that the server adds to the page. */
export const serverMark = 'doubletrack-server';

/** A run that the server shows. */
export interface RunEntry {
  /** Its name in addresses. */
  readonly id: string;
  /** Its folder, as the person named it. */
  readonly folder: string;
}

/**
 * What `api/runs` answers. Its query may have a `filter` of names, and `run`s that are to be listed whatever else is.
 */
export interface RunListing {
  readonly runs: readonly RunEntry[];
  /** Folders that were not looked into, because there are so many after them. */
  readonly leftOut: number;
}

/** Where somebody stands in watching a run: goes into the query of `api/events` as `run` and `from`, by pairs. */
export interface RunPosition {
  readonly run: string;
  /** What the last event with one said; empty for the beginning. */
  readonly cursor: string;
}

/** What the events of `api/events` carry: `metrics` (`MetricsNews`), `folder` (`FolderNews`), and `problem` (`Problem`, or null when it is over). */
export interface RunEvent<News> {
  readonly run: string;
  readonly news: News;
  /** Where to go on after it, if the event tells. */
  readonly cursor?: string;
}

/** Lines of a run's metrics, as they come. */
export interface MetricsNews {
  readonly lines: readonly StepMetrics[];
  /** They take the place of all that came before: the run begins anew, or goes on from an earlier step. */
  readonly isAnew: boolean;
  /** More are on their way already. */
  readonly hasMore: boolean;
  /** How long ago the last line was written. */
  readonly ageSeconds: number;
}

/** What else the folder of a run holds by now. */
export interface FolderNews {
  /** Steps whose timelines are there, ascending; of very many some. */
  readonly timelines: readonly number[];
  /** Names of the files of expert loads, in the order of their steps; of many some. */
  readonly loads: readonly string[];
  /** Changes when what the segments of a step take is written anew; empty as long as it is not there. So does `config`. */
  readonly record: string;
  readonly config: string;
  /** Whether the run came to its end. */
  readonly isFinished: boolean;
}

/** A file of a run that the page may ask for. */
export type RunFileName =
  | { readonly kind: 'timeline'; readonly step: number }
  | { readonly kind: 'loads'; readonly name: string }
  | { readonly kind: 'record' }
  | { readonly kind: 'config' };

/** Names of files of expert loads. */
const loadsName = /^\d{1,15}-\d{1,15}\.json$/;

/** Where a run's file lies, relative to the run: on the server, and in its folder. */
export function pathOf(file: RunFileName): string {
  switch (file.kind) {
    case 'timeline':
      return `timelines/${file.step}.json`;
    case 'loads':
      return `loads/${file.name}`;
    case 'record':
      return 'step.json';
    case 'config':
      return 'config.toml';
    default:
      return file satisfies never;
  }
}

/** The file that a path means, as `pathOf` writes it; undefined for any other. */
export function fileAt(path: string): RunFileName | undefined {
  if (path === 'step.json') return { kind: 'record' };
  if (path === 'config.toml') return { kind: 'config' };
  const [, step] = /^timelines\/([1-9]\d{0,14})\.json$/.exec(path) ?? [];
  if (step !== undefined) return { kind: 'timeline', step: Number(step) };
  const [, name] = /^loads\/([^/]+)$/.exec(path) ?? [];
  return name !== undefined && loadsName.test(name) ? { kind: 'loads', name } : undefined;
}
