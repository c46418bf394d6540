import { readFileSync } from 'node:fs';
import koffi from 'koffi';
import { assignCores, type Core, type CoresRequest } from './cores.js';

/** What became of keeping a thread to some cores; the system may refuse, and the thread then runs as well, only anywhere. */
export type Pinned = { readonly isPinned: true } | { readonly isPinned: false; readonly reason: string };

interface Scheduler {
  setAffinity(thread: number, bytes: number, mask: Uint8Array): number;
  getAffinity(thread: number, bytes: number, mask: Uint8Array): number;
}

/** `cpu_set_t` as long as the kernel may ask for: 8192 hardware threads. */
const maskBytes = 1024;
const callingThread = 0;

let scheduler: Scheduler | undefined;

/** The functions of Linux's C library (sched_setaffinity(2)), one a thread; undefined elsewhere. */
function openScheduler(): Scheduler | undefined {
  if (process.platform !== 'linux') return undefined;
  scheduler ??= loadScheduler();
  return scheduler;
}

function loadScheduler(): Scheduler | undefined {
  try {
    // null is the process itself, which has the C library: its file has another name with every C library.
    const library = koffi.load(null);
    const parameters = ['int', 'size_t', 'void *'];
    return {
      setAffinity: library.func('sched_setaffinity', 'int', parameters),
      getAffinity: library.func('sched_getaffinity', 'int', parameters),
    };
  } catch {
    return undefined;
  }
}

/** Hardware threads that the calling thread may run on, ascending; empty where the system does not tell. */
export function readAffinity(): number[] {
  const mask = new Uint8Array(maskBytes);
  if (openScheduler()?.getAffinity(callingThread, maskBytes, mask) !== 0) return [];
  return Array.from({ length: 8 * maskBytes }, (_, thread) => thread).filter(
    (thread) => (mask[thread >> 3]! >> (thread & 7)) & 1,
  );
}

/**
 * Keeps the calling thread, and all threads that it starts from now on, to some hardware threads; an empty list leaves it as it is. Linux only. Never throws: what the system
 * refuses is in the result.
 */
export function pinThread(hardwareThreads: readonly number[]): Pinned {
  if (hardwareThreads.length === 0) return refused('no core is given');
  const known = openScheduler();
  if (known === undefined) return refused(`${process.platform} cannot keep a thread to a core`);
  const mask = new Uint8Array(maskBytes);
  for (const thread of hardwareThreads) {
    if (!Number.isInteger(thread) || thread < 0 || thread >= 8 * maskBytes)
      return refused(`there is no core ${thread}`);
    mask[thread >> 3]! |= 1 << (thread & 7);
  }
  if (known.setAffinity(callingThread, maskBytes, mask) === 0) return { isPinned: true };
  return refused(`the system refuses cores ${hardwareThreads.join(', ')} (${errorName(koffi.errno())})`);
}

function refused(reason: string): Pinned {
  return { isPinned: false, reason };
}

function errorName(code: number): string {
  return Object.entries(koffi.os.errno).find(([, value]) => value === code)?.[0] ?? `error ${code}`;
}

/**
 * The cores that the calling thread may run on. A core has the hardware threads that the system lists as its siblings, as far as they are allowed; where it lists
 * none, each is a core.
 */
export function listCores(): Core[] {
  const allowed = readAffinity();
  const left = new Set(allowed);
  return allowed.flatMap((thread) => {
    if (!left.has(thread)) return [];
    const core = [thread, ...readSiblings(thread).filter((other) => other !== thread && left.has(other))];
    for (const member of core) left.delete(member);
    return [core];
  });
}

function readSiblings(thread: number): number[] {
  try {
    const file = `/sys/devices/system/cpu/cpu${thread}/topology/thread_siblings_list`;
    return parseCpuList(readFileSync(file, 'utf8'));
  } catch {
    return [];
  }
}

/** Linux's lists of hardware threads: `0,8` or `0-1`; what is none gives an empty list. */
export function parseCpuList(text: string): number[] {
  return text
    .trim()
    .split(',')
    .flatMap((range) => {
      const [, first, last] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range) ?? [];
      if (first === undefined) return [];
      const count = Number(last ?? first) - Number(first) + 1;
      return Array.from({ length: Math.max(0, count) }, (_, index) => Number(first) + index);
    });
}

/** Why ranks of this machine cannot have cores of their own, or undefined if they can. The calling thread stays where it is. */
export function findPinningObstacle({ ranks, computeThreads }: Pick<CoresRequest, 'ranks' | 'computeThreads'>) {
  const allowed = readAffinity();
  const tried = pinThread(allowed);
  if (!tried.isPinned) return tried.reason;
  if (assignCores({ rank: 0, ranks, computeThreads, cores: listCores() }).compute.length > 0) return undefined;
  const count = (number: number, what: string) => `${number} ${what}${number === 1 ? '' : 's'}`;
  return `${count(ranks, 'rank')} of ${count(computeThreads, 'thread')} are more than ${count(allowed.length, 'core')}`;
}
