import { parentPort, workerData } from 'node:worker_threads';
import { DoubletrackError, type Problem } from '../../base/index.js';
import { type MpiLaneData, serveMpiLane } from './lane.js';

/** What the communication thread says: that MPI runs, or why the run is over. */
export type LaneReport = { readonly kind: 'started' } | { readonly kind: 'failed'; readonly problem: Problem };

const report = (message: LaneReport) => parentPort?.postMessage(message);
try {
  serveMpiLane(workerData as MpiLaneData, () => report({ kind: 'started' }));
} catch (error) {
  if (!(error instanceof DoubletrackError)) throw error;
  report({ kind: 'failed', problem: error.problem });
}
