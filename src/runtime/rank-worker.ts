import { parentPort, workerData } from 'node:worker_threads';
import { DoubletrackError, InputError } from '../base/index.js';
import { createThreadsTransport } from '../comm/index.js';
import { assignCores, listCores, pinThread } from '../device/index.js';
import type { Reply, Request, WorkerData } from './protocol.js';
import { createRank } from './rank.js';
import type { RunSpec } from './spec.js';

/** The thread of one rank: builds it, then answers requests one after the other. */
function serveRank(): void {
  const port = parentPort;
  if (port === null) throw new Error('a rank runs in a worker thread');
  const post = (reply: Reply) => port.postMessage(reply);
  const { spec, rank: number, threads, arena } = workerData as WorkerData;
  try {
    pinRank(spec, number);
    const rank = createRank(spec, createThreadsTransport(threads, number), arena);
    port.on('message', ({ id, method, arguments: values }: Request) => {
      try {
        const call = rank[method] as (...values: readonly unknown[]) => unknown;
        post({ kind: 'result', id, result: call(...values) });
      } catch (error) {
        post(failure(error));
      }
    });
    post({ kind: 'ready' });
  } catch (error) {
    post(failure(error));
  }
}

/** Before the engine starts threads, which stay where this one is. A system that refuses is told about where the run is started, once for all ranks. */
function pinRank({ affinity, computeThreads, schedule }: RunSpec, rank: number): void {
  if (affinity === 'cores') {
    pinThread(assignCores({ rank, ranks: schedule.ranks, computeThreads, cores: listCores() }).compute);
  }
}

function failure(error: unknown): Reply {
  const problem =
    error instanceof DoubletrackError
      ? error.problem
      : { what: error instanceof Error ? error.message : String(error) };
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return { kind: 'failed', problem, input: error instanceof InputError, stack };
}

serveRank();
