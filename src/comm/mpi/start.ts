import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { MpiLaneData } from './lane.js';
import { checkSupervisor } from './supervisor.js';

/** By then all ranks have started MPI, or one of them never will. */
const START_SECONDS = 30;

/**
 * Starts the communication thread of the one rank of this process, which makes all MPI calls; there can be one in a process, ever. It ends when the
 * control is aborted: without a cause once all ranks have come that far, with one at once, and the other ranks are told. If a rank is lost, or
 * another rank has a cause to end, the thread aborts the control with that cause and ends.
 */
export function startMpiLane(data: MpiLaneData): Worker {
  const worker = new Worker(new URL('./lane-worker.js', import.meta.url), {
    workerData: data,
    name: `rank ${data.rank}, communication`,
  });
  const late = setTimeout(() => giveUp(data), 1000 * START_SECONDS);
  const watch = setInterval(() => checkSupervisor(data.rank), 1000);
  const isStarted = () => {
    clearTimeout(late);
    clearInterval(watch);
  };
  // Its only message: that MPI runs. From then on the thread itself watches.
  worker.once('message', isStarted);
  worker.once('exit', isStarted);
  return worker;
}

/** While MPI waits for the other ranks to start, nothing but a signal ends its thread, and so the process. */
function giveUp({ rank, ranks }: MpiLaneData): void {
  writeSync(2, `doubletrack: MPI has not started within ${START_SECONDS} s (rank ${rank} of ${ranks})\n`);
  process.kill(process.pid, 'SIGKILL');
}
