import { Worker } from 'node:worker_threads';
import { WorkError } from '../../base/index.js';
import { abort } from '../control.js';
import { laneWords } from '../lane.js';
import { askToFail, askToFinish, createEnding } from './ending.js';
import type { MpiLaneData } from './lane.js';
import type { LaneReport } from './lane-worker.js';

/** The communication thread of this process's rank. */
export interface MpiLane {
  /**
   * Resolves when the thread has ended as it was asked to. Rejects with `WorkError` if MPI cannot start, a rank was lost, or another rank has ended
   * the run, whose cause this is; all waiting calls of the transport throw then.
   */
  readonly ended: Promise<void>;
  /** Asks for the end, which comes when all ranks have asked for it and have what was sent to them. */
  finish(): void;
  /** Ends the run of all ranks; the others are told the cause. The first cause stays. */
  fail(cause: string): void;
}

/** By then all ranks have started MPI, or one of them never will. */
const START_SECONDS = 60;

/**
 * Starts the communication thread of this process, which makes all of its MPI calls. There can be one in a process, ever. The process must
 * exit, without calling MPI again, once the thread has ended.
 */
export function startMpiLane(data: Omit<MpiLaneData, 'ending'>): MpiLane {
  const ending = createEnding();
  const workerData: MpiLaneData = { ...data, ending };
  const worker = new Worker(new URL('./lane-worker.js', import.meta.url), {
    workerData,
    name: `rank ${data.rank}, communication`,
  });
  const words = new Int32Array(data.lane.words);
  const { doorbell } = laneWords(data.lane.operations);
  const ring = () => {
    Atomics.add(words, doorbell, 1);
    Atomics.notify(words, doorbell);
  };
  return {
    ended: endOf(worker, data),
    finish() {
      askToFinish(ending);
      ring();
    },
    fail(cause) {
      askToFail(ending, cause);
      abort(data.control);
      ring();
    },
  };
}

function endOf(worker: Worker, { rank, ranks, control }: Omit<MpiLaneData, 'ending'>): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: WorkError) => {
      abort(control);
      reject(error);
    };
    const late = setTimeout(
      () =>
        fail(
          new WorkError({ what: `MPI has not started within ${START_SECONDS} s`, where: `rank ${rank} of ${ranks}` }),
        ),
      1000 * START_SECONDS,
    );
    let failed: WorkError | undefined;
    worker.on('message', (report: LaneReport) => {
      clearTimeout(late);
      if (report.kind === 'failed') failed = new WorkError(report.problem);
    });
    worker.on('error', ({ message }) => {
      failed = new WorkError({ what: `the communication thread died: ${message}`, where: `rank ${rank}` });
    });
    worker.on('exit', (code) => {
      clearTimeout(late);
      if (code !== 0)
        failed ??= new WorkError({ what: `the communication thread ended with code ${code}`, where: `rank ${rank}` });
      if (failed === undefined) resolve();
      else fail(failed);
    });
  });
}
