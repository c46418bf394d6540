import { Worker } from 'node:worker_threads';
import type { ThreadsLaneData } from './lane.js';

/** Starts the communication thread of a rank whose peers are threads of this process. It ends when the run is aborted. */
export function startThreadsLane(data: ThreadsLaneData): Worker {
  return new Worker(new URL('./lane-worker.js', import.meta.url), {
    workerData: data,
    name: `rank ${data.rank}, communication`,
  });
}
