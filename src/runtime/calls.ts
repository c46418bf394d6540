import type { Worker } from 'node:worker_threads';
import { type Problem, WorkError } from '../base/index.js';
import { abort, type Control, readCause, type SharedRank } from '../comm/index.js';
import type { Message, RankArguments, RankMethod, Reply, Request } from './protocol.js';

interface Pending {
  readonly results: unknown[];
  waiting: number;
  readonly resolve: (results: unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/** The rank threads of this process, to call. */
export interface Calls {
  /** Calls a method on all of them and gives their results, in their order. Throws the first one's error as a `WorkError`. */
  call<M extends RankMethod>(method: M, ...values: RankArguments<M>): Promise<unknown[]>;
  /** Whether a rank has failed. */
  isOver(): boolean;
  /** Ends all threads, once `settled` where there is something to wait for. */
  close(settled?: Promise<void>): Promise<void>;
  /** What each rank shows the others. */
  readonly built: Promise<readonly SharedRank[]>;
  /** Ends the run if this thread of a rank dies. */
  watch(rank: number, thread: Worker): void;
}

/** Requests and replies; the first failure ends everything with its rank and cause. */
/** @param ranks the rank of each worker */
export function createCalls(control: Control, workers: readonly Worker[], ranks: readonly number[]): Calls {
  const threads = [...workers];
  const pending = new Map<number, Pending>();
  let failure: WorkError | undefined;
  let closing = false;
  let nextId = 1;
  const expect = (id: number) =>
    new Promise<unknown[]>((resolve, reject) => {
      if (failure !== undefined) reject(failure);
      else pending.set(id, { results: [], waiting: workers.length, resolve, reject });
    });
  const settle = (id: number, position: number, result: unknown) => {
    const entry = pending.get(id);
    if (entry === undefined) return;
    entry.results[position] = result;
    if (--entry.waiting > 0) return;
    pending.delete(id);
    entry.resolve(entry.results);
  };
  const fail = (error: WorkError) => {
    if (failure !== undefined || closing) return;
    abort(control, error.problem);
    // Of several causes the first counts: those that come after it are its consequences.
    const cause = readCause(control);
    failure = cause === undefined || cause === error.problem ? error : new WorkError(cause);
    for (const { reject } of pending.values()) reject(failure);
    pending.clear();
  };
  const built = expect(0) as Promise<SharedRank[]>;
  for (const [position, worker] of workers.entries()) {
    const rank = ranks[position];
    answerReplies(rank, worker, (id, result) => settle(id, position, result), fail);
    watchThread(rank, worker, fail);
  }
  const close = async (settled?: Promise<void>) => {
    closing = true;
    abort(control);
    await settled;
    for (const worker of workers) worker.postMessage('end' satisfies Message);
    await Promise.all(threads.map(endThread));
  };
  return {
    built,
    watch(rank, thread) {
      threads.push(thread);
      watchThread(rank, thread, fail);
    },
    async call(method, ...values) {
      const id = nextId++;
      const results = expect(id);
      for (const worker of workers) worker.postMessage({ id, method, arguments: values } satisfies Request);
      return results;
    },
    isOver: () => failure !== undefined,
    close,
  };
}

/**
 * What each rank shows the others; ends all threads if one cannot be built, as the others would keep the process for
 * ever.
 */
export async function awaitBuilt(calls: Calls): Promise<readonly SharedRank[]> {
  try {
    return await calls.built;
  } catch (error) {
    await calls.close();
    throw error;
  }
}

function answerReplies(
  rank: number,
  worker: Worker,
  settle: (id: number, result: unknown) => void,
  fail: (error: WorkError) => void,
): void {
  worker.on('message', (reply: Reply) => {
    switch (reply.kind) {
      case 'built':
        return settle(0, reply.shared);
      case 'result':
        return settle(reply.id, reply.result);
      case 'failed': {
        const error = new WorkError({
          ...reply.problem,
          where: [`rank ${rank}`, reply.problem.where].filter(Boolean).join(', '),
        });
        error.stack = reply.stack;
        return fail(error);
      }
      default:
        return reply satisfies never;
    }
  });
}

/** How long a thread may take to end by itself. */
const END_SECONDS = 5;

/** Waits for a thread that was told to end. Only one that does not is stopped: a thread that is stopped within native code takes the process with it. */
async function endThread(thread: Worker): Promise<void> {
  // A thread that is gone has no number.
  if (thread.threadId === -1) return;
  await new Promise<void>((resolve) => {
    const late = setTimeout(() => void thread.terminate(), 1000 * END_SECONDS);
    thread.once('exit', () => {
      clearTimeout(late);
      resolve();
    });
  });
}

/** How to mend what a limit of the system forbids; nothing for other errors. */
function mendLimit({ message, code }: NodeJS.ErrnoException): Pick<Problem, 'mend'> {
  if (code === 'EMFILE') return { mend: 'allow more open files (ulimit -n 1024)' };
  if (code === 'ERR_WORKER_INIT_FAILED')
    return { mend: 'allow more threads (ulimit -u) and more addresses (ulimit -v), or use fewer ranks' };
  if (code === 'ERR_WORKER_OUT_OF_MEMORY' || /bad_alloc|allocate memory|out of memory/i.test(message))
    return { mend: 'allow more memory (ulimit -v), or use fewer ranks' };
  return {};
}

/** A thread of a rank that ends before the run does ends the run. */
function watchThread(rank: number, thread: Worker, fail: (error: WorkError) => void): void {
  thread.on('error', (error: Error) =>
    fail(
      new WorkError({
        what: `the thread of a rank died: ${error.message}`,
        where: `rank ${rank}`,
        ...mendLimit(error),
      }),
    ),
  );
  thread.on('exit', (code) =>
    fail(new WorkError({ what: `the thread of a rank ended with code ${code}`, where: `rank ${rank}` })),
  );
}
