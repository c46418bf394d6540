import type { Problem } from '../base/index.js';
import type { ThreadsMemory } from '../comm/index.js';
import type { Arena } from '../device/index.js';
import type { Rank } from './rank.js';
import type { RunSpec } from './spec.js';

/** What a rank's worker thread starts with. */
export interface WorkerData {
  readonly spec: RunSpec;
  readonly rank: number;
  readonly threads: ThreadsMemory;
  readonly arena: Arena;
}

/** Methods of a rank that the group calls from afar. */
export type RankMethod =
  | 'initialize'
  | 'computeGradients'
  | 'update'
  | 'clearGradients'
  | 'evaluate'
  | 'diagnose'
  | 'timeline'
  | 'executed';

export type RankArguments<M extends RankMethod> = Parameters<Rank[M]>;
export type RankResult<M extends RankMethod> = ReturnType<Rank[M]>;

export interface Request {
  readonly id: number;
  readonly method: RankMethod;
  readonly arguments: readonly unknown[];
}

/** `ready` comes once, when the rank is built; every request gets one reply. */
export type Reply =
  | { readonly kind: 'ready' }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly problem: Problem; readonly input: boolean; readonly stack: string };
