import type { Problem } from '../base/index.js';
import type { SharedRank } from '../comm/index.js';
import type { Arena } from '../device/index.js';
import type { Rank, RankConnection } from './rank.js';
import type { RunSpec } from './spec.js';

/** What a rank's worker thread starts with. */
export interface WorkerData {
  readonly spec: RunSpec;
  readonly connection: RankConnection;
  readonly arena: Arena;
  /** Hardware threads that it keeps to; empty: any. */
  readonly cores: readonly number[];
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
  | 'executed'
  | 'measure'
  | 'collectState'
  | 'agree'
  | 'meet';

export type RankArguments<M extends RankMethod> = Parameters<Rank[M]>;
export type RankResult<M extends RankMethod> = ReturnType<Rank[M]>;

export interface Request {
  readonly id: number;
  readonly method: RankMethod;
  readonly arguments: readonly unknown[];
}

/** What the rank's thread is told: a call, or to end when it has done what it was told before. */
export type Message = Request | 'end';

/** `built` comes once, with what the rank's communication thread needs; every request gets one reply. */
export type Reply =
  | { readonly kind: 'built'; readonly shared: SharedRank }
  | { readonly kind: 'result'; readonly id: number; readonly result: unknown }
  | { readonly kind: 'failed'; readonly problem: Problem; readonly stack: string };
