import { Worker } from 'node:worker_threads';
import { WorkError } from '../base/index.js';
import {
  abort,
  type Control,
  createControl,
  createMailMemory,
  type SharedRank,
  startThreadsLane,
} from '../comm/index.js';
import { createArena } from '../device/index.js';
import { planChannels } from './channels.js';
import { countRanks } from './layout.js';
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
  const layouts = Array.from({ length: countRanks(spec) }, (_, rank) =>
    layOutState(spec, rank, buildRankModel(spec, rank).stages),
  );
  const arenas = layouts.map(({ bytes }) => createArena(bytes));
  const states = layouts.map((layout, rank) => ({ layout, state: arenas[rank].buffer }));
  const control = createControl();
  const mail = createMailMemory(mergeChannels(spec));
  const workers = arenas.map((arena, rank) => {
    const workerData: WorkerData = { spec, connection: { rank, control, mail, carriesMail: false }, arena };
    return new Worker(new URL('./rank-worker.js', import.meta.url), { workerData, name: `rank ${rank}` });
  });
  const calls = createCalls(control, workers);
  const shared = await calls.built;
  const link = spec.emulatedBytesPerSecond;
  for (const rank of shared.keys()) {
    const emulated = link === undefined ? {} : { emulatedBytesPerSecond: link };
    calls.watch(rank, startThreadsLane({ rank, control, ranks: shared, ...emulated }));
  }
  return { states, call: calls.call, close: calls.close };
}

/** Channels of the schedule with room for the evaluation too, which uses those of the first pipeline. */
function mergeChannels(spec: RunSpec) {
  const messageBytes = 4 * spec.batch.sequences * spec.batch.sequenceLength * spec.model.hiddenSize;
  const { schedule, evaluation, expert } = spec;
  const [training, evaluating] = [schedule, evaluation].map((one) =>
    planChannels({ schedule: one, expert }, messageBytes),
  );
  const [links, evaluatingLinks] = [training.length / expert, evaluating.length / expert];
  return training.map((channel, index) => {
    const link = index % links;
    const same = link < evaluatingLinks ? evaluating[Math.floor(index / links) * evaluatingLinks + link] : undefined;
    return { ...channel, slots: Math.max(channel.slots, same?.slots ?? 1) };
  });
}

interface Calls extends Pick<RankGroup, 'call' | 'close'> {
  /** What each rank shows the others. */
  readonly built: Promise<readonly SharedRank[]>;
  /** Ends the run if this thread of a rank dies. */
  watch(rank: number, thread: Worker): void;
}

/** Requests and replies; the first failure ends everything with its rank and cause. */
function createCalls(control: Control, workers: readonly Worker[]): Calls {
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
    abort(control, error.problem);
    for (const { reject } of pending.values()) reject(error);
    pending.clear();
  };
  const built = expect(0) as Promise<SharedRank[]>;
  for (const [rank, worker] of workers.entries()) {
    answerReplies(rank, worker, settle, fail);
    watchThread(rank, worker, fail);
  }
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
      return (await results) as RankResult<typeof method>[];
    },
    async close() {
      closing = true;
      abort(control);
      await Promise.all(threads.map((thread) => thread.terminate()));
    },
  };
}

function answerReplies(
  rank: number,
  worker: Worker,
  settle: (id: number, rank: number, result: unknown) => void,
  fail: (error: WorkError) => void,
): void {
  worker.on('message', (reply: Reply) => {
    switch (reply.kind) {
      case 'built':
        return settle(0, rank, reply.shared);
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
}

/** A thread of a rank that ends before the run does ends the run. */
function watchThread(rank: number, thread: Worker, fail: (error: WorkError) => void): void {
  thread.on('error', (error: Error) =>
    fail(new WorkError({ what: `the thread of a rank died: ${error.message}`, where: `rank ${rank}` })),
  );
  thread.on('exit', (code) =>
    fail(new WorkError({ what: `the thread of a rank ended with code ${code}`, where: `rank ${rank}` })),
  );
}
