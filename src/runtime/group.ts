import { Worker } from 'node:worker_threads';
import { WorkError } from '../base/index.js';
import { abortThreads, createThreadsMemory, type ThreadsMemory } from '../comm/index.js';
import { type Arena, createArena } from '../device/index.js';
import { planChannels } from './channels.js';
import type { RankArguments, RankMethod, RankResult, Reply, Request, WorkerData } from './protocol.js';
import { buildRankModel, type RunSpec } from './spec.js';
import { layOutState, type StateLayout } from './state-layout.js';

/** The state memory of a rank, which the thread that started the ranks sees too: it may read and write it while no call is under way. */
export interface RankState {
  readonly layout: StateLayout;
  readonly state: SharedArrayBuffer;
}

/** Running ranks, a worker thread each. */
export interface RankGroup {
  readonly states: readonly RankState[];
  /** Calls a method on all ranks and gives their results by rank. Throws the first rank's error as a `WorkError`; the group is over then. */
  call<M extends RankMethod>(method: M, ...values: RankArguments<M>): Promise<RankResult<M>[]>;
  /** Ends all threads. */
  close(): Promise<void>;
}

interface Pending {
  readonly results: unknown[];
  waiting: number;
  readonly resolve: (results: unknown[]) => void;
  readonly reject: (error: Error) => void;
}

/** Starts the ranks of a run and waits until all are built. Throws `WorkError` with the cause if one cannot be. */
export async function startRanks(spec: RunSpec): Promise<RankGroup> {
  const { ranks } = spec.schedule;
  const layouts = Array.from({ length: ranks }, (_, rank) => layOutState(buildRankModel(spec, rank).stages.values()));
  const arenas = layouts.map(({ bytes }) => createArena(bytes));
  const messageBytes = 4 * spec.batch.sequences * spec.batch.sequenceLength * spec.model.hiddenSize;
  const threads = createThreadsMemory(
    mergeChannels(spec, messageBytes),
    arenas.map(({ buffer }) => buffer),
  );
  const states = layouts.map((layout, rank) => ({ layout, state: arenas[rank].buffer }));
  const calls = createCalls(threads, startWorkers(spec, threads, arenas));
  await calls.ready;
  return { states, call: calls.call, close: calls.close };
}

/** Channels of the schedule with room for the evaluation too, which uses those of the first pipeline. */
function mergeChannels(spec: RunSpec, messageBytes: number) {
  const training = planChannels(spec.schedule, messageBytes);
  const evaluation = planChannels(spec.evaluation, messageBytes);
  return training.map((channel, index) => ({
    ...channel,
    slots: Math.max(channel.slots, evaluation[index]?.slots ?? 1),
  }));
}

function startWorkers(spec: RunSpec, threads: ThreadsMemory, arenas: readonly Arena[]): Worker[] {
  return arenas.map((arena, rank) => {
    const workerData: WorkerData = { spec, rank, threads, arena };
    return new Worker(new URL('./rank-worker.js', import.meta.url), { workerData, name: `rank ${rank}` });
  });
}

interface Calls extends Pick<RankGroup, 'call' | 'close'> {
  readonly ready: Promise<unknown>;
}

/** Requests and replies; the first failure ends everything with its rank and cause. */
function createCalls(threads: ThreadsMemory, workers: readonly Worker[]): Calls {
  const pending = new Map<number, Pending>();
  let failure: WorkError | undefined;
  let closing = false;
  let nextId = 1;
  const expect = (id: number) =>
    new Promise<unknown[]>((resolve, reject) => {
      if (failure !== undefined) reject(failure);
      else pending.set(id, { results: [], waiting: workers.length, resolve, reject });
    });
  const settle = (id: number, rank: number, result: unknown) => {
    const entry = pending.get(id);
    if (entry === undefined) return;
    entry.results[rank] = result;
    if (--entry.waiting > 0) return;
    pending.delete(id);
    entry.resolve(entry.results);
  };
  const fail = (error: WorkError) => {
    if (failure !== undefined || closing) return;
    failure = error;
    abortThreads(threads);
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  const ready = expect(0);
  for (const [rank, worker] of workers.entries()) watchWorker(rank, worker, settle, fail);
  return {
    ready,
    async call(method, ...values) {
      const id = nextId++;
      const results = expect(id);
      for (const worker of workers) worker.postMessage({ id, method, arguments: values } satisfies Request);
      return (await results) as RankResult<typeof method>[];
    },
    async close() {
      closing = true;
      abortThreads(threads);
      await Promise.all(workers.map((worker) => worker.terminate()));
    },
  };
}

function watchWorker(
  rank: number,
  worker: Worker,
  settle: (id: number, rank: number, result: unknown) => void,
  fail: (error: WorkError) => void,
): void {
  worker.on('message', (reply: Reply) => {
    switch (reply.kind) {
      case 'ready':
        return settle(0, rank, undefined);
      case 'result':
        return settle(reply.id, rank, reply.result);
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
  worker.on('error', (error: Error) =>
    fail(new WorkError({ what: `the thread of a rank died: ${error.message}`, where: `rank ${rank}` })),
  );
  worker.on('exit', (code) =>
    fail(new WorkError({ what: `the thread of a rank ended with code ${code}`, where: `rank ${rank}` })),
  );
}
