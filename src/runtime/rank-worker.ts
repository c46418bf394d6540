import { deserialize, serialize } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { problemOf } from '../base/index.js';
import { pinThread } from '../device/index.js';
import type { Message, Reply, WorkerData } from './protocol.js';
import { createRank } from './rank.js';

/** The thread of one rank: builds it, then answers requests one after the other. */
function serveRank(): void {
  const port = parentPort;
  if (port === null) throw new Error('a rank runs in a worker thread');
  const post = (reply: Reply) => port.postMessage(reply);
  const { spec, connection, arena, cores } = workerData as WorkerData;
  try {
    // Before the engine starts threads, which stay where this one is.
    pinThread(cores);
    const rank = createRank(spec, connection, arena);
    // Ranks of one process answer each for itself; one of many processes gets everybody's results.
    const tell = (result: unknown) =>
      connection.carriesMail ? rank.share(serialize(result)).map((bytes) => deserialize(bytes) as unknown) : result;
    port.on('message', (message: Message) => {
      if (message === 'end') return port.close();
      const { id, method, arguments: values } = message;
      try {
        const call = rank[method] as (...values: readonly unknown[]) => unknown;
        post({ kind: 'result', id, result: tell(call(...values)) });
      } catch (error) {
        post(failure(error));
      }
    });
    post({ kind: 'built', shared: rank.shared });
  } catch (error) {
    post(failure(error));
  }
}

function failure(error: unknown): Reply {
  const problem = problemOf(error);
  const stack = error instanceof Error ? (error.stack ?? '') : '';
  return { kind: 'failed', problem, stack };
}

serveRank();
