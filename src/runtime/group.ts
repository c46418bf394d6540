import type { RankArguments, RankMethod, RankResult } from './protocol.js';
import type { StateLayout } from './state-layout.js';

/** The state memory of a rank, which the thread that started it sees too: it may read and write it while no call is under way. */
export interface RankState {
  readonly layout: StateLayout;
  readonly state: SharedArrayBuffer;
}

/** Running ranks. With MPI every process has one of them, and makes the same calls in the same order. */
export interface RankGroup {
  /** Of the ranks of this process. */
  readonly states: readonly RankState[];
  /** Whether this process is the one that writes files and speaks for all. */
  readonly isLeader: boolean;
  /** Calls a method on all ranks and gives their results by rank. Throws the first rank's error as a `WorkError`; the group is over then. */
  call<M extends RankMethod>(method: M, ...values: RankArguments<M>): Promise<RankResult<M>[]>;
  /** The states of all ranks, by rank, in the leader's process; in the others those of their own. */
  collectStates(): Promise<readonly RankState[]>;
  /**
   * Ends all threads; after a failure too. Processes wait for each other, so that none is gone while another still works. With `failure`, for which this process cannot go on, the others
   * do not wait for it but end with the same cause: they may not have met it, as when a file cannot be written.
   */
  close(failure?: unknown): Promise<void>;
}
