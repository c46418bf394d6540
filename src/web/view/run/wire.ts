import type { StepMetrics } from '../../../formats/browser.js';

/** A run that the server shows. */
export interface RunEntry {
  /** Its name in addresses. */
  readonly id: string;
  /** Its folder, as the person named it. */
  readonly folder: string;
}

/** Lines of a run's metrics, as they come. */
export interface MetricsNews {
  readonly lines: readonly StepMetrics[];
  /** They take the place of all that came before: the run begins anew, or goes on from an earlier step. */
  readonly isAnew: boolean;
  /** More are on their way already. */
  readonly hasMore: boolean;
}

/** What else the folder of a run holds by now. */
export interface FolderNews {
  /** Steps whose timelines are there, ascending. */
  readonly timelines: readonly number[];
  /** First and last step of each file of expert loads, in order. */
  readonly loads: readonly (readonly [first: number, last: number])[];
  /** Changes when what the segments of a step take is written anew; empty as long as it is not there. */
  readonly record: string;
  /** Whether the run came to its end. */
  readonly isFinished: boolean;
}
