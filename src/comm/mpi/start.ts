import { Worker } from 'node:worker_threads';
import type { Control } from '../control.js';
import type { MailMemory } from '../mail.js';
import type { SharedRank } from '../threads/lane.js';

export interface MpiLaneData {
  readonly rank: number;
  readonly ranks: number;
  readonly control: Control;
  readonly mail: MailMemory;
  readonly shared: SharedRank;
}

/** Starts the communication thread of the one rank of this process. */
export function startMpiLane(data: MpiLaneData): Worker {
  return new Worker(new URL('./lane-worker.js', import.meta.url), {
    workerData: data,
    name: `rank ${data.rank}, communication`,
  });
}
