import { readdirSync, readFileSync } from 'node:fs';

/** A limit that the system sets to this process, and what it has used of it. */
export interface ProcessLimit {
  readonly limit: number;
  readonly used: number;
}

/** Undefined where there is no limit, or none that can be known: on others than Linux. */
export interface ProcessLimits {
  /** Bytes of addresses (`ulimit -v`), of which memory in use is a part. */
  readonly addresses: ProcessLimit | undefined;
  /** Threads of all programs of the user (`ulimit -u`). */
  readonly threads: ProcessLimit | undefined;
}

/** Below this it matters how many threads other programs of the user have, which takes a look at each. */
const TIGHT_THREADS = 1000;

/** The limits of this process, from Linux's proc(5). Never throws. */
export function readProcessLimits(): ProcessLimits {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    const { addresses, threads } = parseProcessLimits(readFileSync('/proc/self/limits', 'utf8'), status);
    const isTight = threads !== undefined && threads.limit < TIGHT_THREADS;
    return { addresses, threads: isTight ? { ...threads, used: countUserThreads(userOf(status)) } : threads };
  } catch {
    return { addresses: undefined, threads: undefined };
  }
}

function countUserThreads(user: string | undefined): number {
  const ids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return ids.reduce((sum, id) => sum + readThreads(id, user), 0);
}

function readThreads(id: string, user: string | undefined): number {
  try {
    const status = readFileSync(`/proc/${id}/status`, 'utf8');
    return userOf(status) === user ? Number(/^Threads:\s+(\d+)/m.exec(status)?.[1] ?? 0) : 0;
  } catch {
    // It has ended.
    return 0;
  }
}

/** The user id that counts. */
function userOf(status: string): string | undefined {
  return /^Uid:\s+(\d+)/m.exec(status)?.[1];
}

/**
 * The limits in the text of `/proc/PID/limits`, and what the process has used in that of `/proc/PID/status`. The limit
 * on threads does not hold for root.
 */
export function parseProcessLimits(limits: string, status: string): ProcessLimits {
  const read = (name: string, used: string, factor: number): ProcessLimit | undefined => {
    const limit = new RegExp(`^${name} +(\\d+) `, 'm').exec(limits)?.[1];
    const value = new RegExp(`^${used}:\\s+(\\d+)`, 'm').exec(status)?.[1];
    return limit === undefined || value === undefined
      ? undefined
      : { limit: Number(limit), used: factor * Number(value) };
  };
  const isRoot = userOf(status) === '0';
  return {
    addresses: read('Max address space', 'VmSize', 1024),
    threads: isRoot ? undefined : read('Max processes', 'Threads', 1),
  };
}
