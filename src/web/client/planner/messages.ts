import type { Problem } from '../../../base/index.js';
import type { PlanRequest, Rejection, SearchedCounts, SearchSummary } from '../../../plan/index.js';
import type { FoundPlans, PlannerFile } from '../../view/index.js';

/** What the worker is asked for; without a request it only reads the files. */
export interface PlannerOrder {
  readonly given: readonly PlannerFile[];
  readonly isCalibrated: boolean;
  readonly request?: PlanRequest;
}

/** What the files are, and what can be chosen for them. */
export interface ReadFiles {
  readonly modelFile: string;
  readonly clusterFile: string;
  /** `none` where there is none. */
  readonly calibrationFile: string;
  readonly counts: SearchedCounts;
  /** The model and the cluster in words; undefined where nothing is searched. */
  readonly words: Pick<SearchSummary, 'model' | 'cluster'> | undefined;
}

/** How a search ended. */
export type PlannerOutcome =
  | { readonly kind: 'found'; readonly found: FoundPlans; readonly files: ReadFiles; readonly seconds: number }
  | {
      readonly kind: 'nothing';
      readonly rejected: Readonly<Record<Rejection, number>>;
      /** What would help. */
      readonly advice: string;
    }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** What the worker says: what the files are, then how far the search is, then how it ended. */
export type PlannerAnswer =
  | { readonly kind: 'read'; readonly files: ReadFiles }
  | { readonly kind: 'progress'; readonly done: number; readonly layouts: number }
  | PlannerOutcome;
