import { problemOf, WorkError } from '../../base/index.js';
import { abort, type Control, isAborted, readCause } from '../control.js';
import { laneWords, now } from '../lane.js';
import { channelWord, type MailMemory } from '../mail.js';
import type { Operation } from '../operations.js';
import type { SharedRank } from '../threads/lane.js';
import { openMpi } from './api.js';
import { createMailCarrier } from './mail-carrier.js';
import { startSlotMoves } from './moves.js';
import { startGather, startSum } from './parts.js';
import { startReplicaGather, startReplicaSum } from './replicas.js';
import { createRequests, type Requests } from './requests.js';
import { type OperationContext, startRows } from './rows.js';
import { createWatch, WATCH_TAGS, type Watch } from './watch.js';

/** What the communication thread of a rank starts with: plain data. */
export interface MpiLaneData {
  readonly rank: number;
  readonly ranks: number;
  readonly control: Control;
  /** All channels of the run, the same on every rank; of those of other ranks the slots do not matter. */
  readonly mail: MailMemory;
  readonly shared: SharedRank;
  /** Hardware threads that the thread keeps to; empty: any. */
  readonly cores: readonly number[];
}

/** How long the thread looks for news without a pause after the last ones: a peer that is about to come often does. */
const SPIN_MILLISECONDS = 0.05;
/**
 * Pauses while something is under way: longer the longer nothing came, so that they cost little time and a rank that waits long costs little. Each look
 * takes time from the thread that computes on the same core.
 */
const SHORTEST_PAUSE_MILLISECONDS = 0.2;
const LONGEST_PAUSE_MILLISECONDS = 1;
const PAUSE_SHARE = 1 / 8;
/** Pauses while nothing is under way; the doorbell ends them. */
const IDLE_PAUSE_MILLISECONDS = 20;
/** After the end of all, so that what this rank has said last leaves it. */
const LINGER_MILLISECONDS = 50;

/** The parts of a lane at work. */
interface Context {
  readonly data: MpiLaneData;
  readonly words: Int32Array;
  readonly at: ReturnType<typeof laneWords>;
  readonly requests: Requests;
  readonly watch: Watch;
  /** Begins what was asked for since last time: operations and mail. Gives how much that was. */
  readonly begin: () => number;
  /** Operations that were begun and are not done. */
  readonly underWay: () => number;
}

/**
 * The communication lane of a rank whose peers are other processes: makes every MPI call of this one. Carries out operations and carries mail until
 * `control` is aborted. `started` is called when MPI runs. If this fails, a rank is lost or another rank has ended the run, `control` is
 * aborted with the cause.
 */
export function serveMpiLane(data: MpiLaneData, started: () => void): void {
  const { rank, ranks, control } = data;
  let watch: Watch | undefined;
  try {
    const mpi = openMpi();
    if (mpi.rank !== rank || mpi.ranks !== ranks) throw describeMismatch(mpi, data);
    const requests = createRequests(mpi);
    watch = createWatch(rank, ranks, requests);
    started();
    serveUntilEnd(createContext(data, requests, watch));
  } catch (error) {
    abort(control, problemOf(error));
  }
  const cause = readCause(control);
  if (cause !== undefined) watch?.tellOthers(cause);
}

function describeMismatch(
  mpi: { readonly rank: number; readonly ranks: number },
  { rank, ranks }: MpiLaneData,
): WorkError {
  return new WorkError({
    what: `MPI says that this is rank ${mpi.rank} of ${mpi.ranks}, mpiexec that it is rank ${rank} of ${ranks}`,
    mend: "use the mpiexec of the MPICH library that is loaded, on Debian 'mpiexec.mpich'",
  });
}

function createContext(data: MpiLaneData, requests: Requests, watch: Watch): Context {
  const { operations, words: memory } = data.shared.lane;
  const words = new Int32Array(memory);
  const at = laneWords(operations);
  const mail = createMailCarrier(data.rank, data.mail, requests, WATCH_TAGS);
  const { startOperation, underWay } = createStarter(data, words, at, requests);
  let begun = 0;
  const begin = () => {
    const until = Atomics.load(words, at.posted);
    const moved = until - begun + mail.carry();
    for (; begun !== until; begun++) startOperation(words[at.ring + (begun % operations)]);
    return moved;
  };
  return { data, words, at, requests, watch, begin, underWay };
}

/** Row exchanges begin when they are asked for; sums, gathers and moves, which are long and build on each other, one after the other. */
function createStarter(data: MpiLaneData, words: Int32Array, at: Context['at'], requests: Requests) {
  const times = new Float64Array(data.shared.lane.times);
  const queue: number[] = [];
  let underWay = 0;
  const finish = (index: number) => {
    underWay--;
    times[2 * index + 1] = now();
    Atomics.add(words, at.done + index, 1);
    Atomics.notify(words, at.done + index);
  };
  const contextOf = (index: number) => ({
    rank: data.rank,
    buffers: data.shared.buffers,
    requests,
    tag: WATCH_TAGS + data.mail.channels.length + 2 * index,
  });
  const startNext = () => {
    if (queue.length === 0) return;
    const [index] = queue;
    times[2 * index] = now();
    startTransfer(contextOf(index), data.shared.operations[index], () => {
      queue.shift();
      finish(index);
      startNext();
    });
  };
  const startOperation = (index: number) => {
    const operation = data.shared.operations[index];
    underWay++;
    if (operation.kind === 'rows') {
      times[2 * index] = now();
      startTransfer(contextOf(index), operation, () => finish(index));
    } else if (queue.push(index) === 1) startNext();
  };
  return { startOperation, underWay: () => underWay };
}

function startTransfer(context: OperationContext, operation: Operation, done: () => void): void {
  switch (operation.kind) {
    case 'sumParts':
      startSum(context, operation, done);
      break;
    case 'gatherParts':
      startGather(context, operation, done);
      break;
    case 'sumReplicas':
      startReplicaSum(context, operation, done);
      break;
    case 'gatherReplicas':
      startReplicaGather(context, operation, done);
      break;
    case 'moveSlots':
      startSlotMoves(context, operation, done);
      break;
    case 'rows':
      startRows(context, operation, done);
      break;
    default:
      operation satisfies never;
  }
}

/** Serves until the run is over: with a cause at once, without one when all ranks have come that far. */
function serveUntilEnd(context: Context): void {
  const { data, words, at, requests, watch, begin, underWay } = context;
  let lastNews = performance.now();
  const end: { state: 'none' | 'awaited' | 'there' } = { state: 'none' };
  for (;;) {
    const bell = Atomics.load(words, at.doorbell);
    const isOver = isAborted(data.control);
    const news = begin() + requests.poll();
    const time = performance.now();
    watch.look(time / 1000);
    if (news > 0) lastNews = time;
    if (isOver && readCause(data.control) !== undefined) return;
    if (isOver && end.state === 'none' && underWay() === 0 && isMailSent(data)) {
      end.state = 'awaited';
      requests.barrier(() => {
        end.state = 'there';
      });
    }
    if (end.state === 'there') {
      linger(requests);
      return;
    }
    pause(context, bell, time - lastNews);
  }
}

/** Whether other ranks have everything that this one has put into its slots for them. */
function isMailSent({ rank, mail }: MpiLaneData): boolean {
  const words = new Int32Array(mail.words);
  return mail.channels.every(({ from, to }, channel) => {
    const word = channelWord(channel);
    return from !== rank || to === rank || Atomics.load(words, word) === Atomics.load(words, word + 1);
  });
}

/** Sleeps for as long as it seems right when there was no news for `idle` milliseconds. */
function pause({ words, at, requests, watch }: Context, bell: number, idle: number): void {
  if (requests.count() <= watch.requests()) {
    Atomics.wait(words, at.doorbell, bell, IDLE_PAUSE_MILLISECONDS);
  } else if (idle > SPIN_MILLISECONDS) {
    const milliseconds = Math.min(LONGEST_PAUSE_MILLISECONDS, idle * PAUSE_SHARE);
    Atomics.wait(words, at.doorbell, bell, Math.max(SHORTEST_PAUSE_MILLISECONDS, milliseconds));
  }
}

function linger(requests: Requests): void {
  const until = performance.now() + LINGER_MILLISECONDS;
  while (performance.now() < until) requests.poll();
}
