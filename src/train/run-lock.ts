import { randomBytes } from 'node:crypto';
import {
  constants,
  copyFileSync,
  linkSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { errorCode, InputError, WorkError } from '../base/index.js';
import { fileError, nameBeside } from '../formats/index.js';
import { runPaths } from './run-paths.js';

/** A run folder that this process alone trains into. */
export interface RunLock {
  /** Throws `WorkError` if another process holds the lock by now: somebody removed it while the run went on. */
  check(): void;
  /** Gives the lock back; later calls do nothing. */
  release(): void;
}

/** What a lock says of the process that holds it; empty where the system does not tell. */
interface LockHolder {
  readonly pid: number;
  readonly host: string;
  /** Tells machines of the same name, and starts of one machine, apart. */
  readonly machine: string;
  readonly boot: string;
  /** The process numbers that `pid` is one of: each container has its own. */
  readonly pidNamespace: string;
  /**
   * When the process began, in the system's clock ticks since the boot: another process of the same number began later.
   */
  readonly processStart: string;
  readonly startedAt: string;
  /** Tells this lock from any other. */
  readonly token: string;
}

/** A process that was just killed may be there for some moments more. */
const PATIENCE_MILLISECONDS = 1000;
const LOOK_MILLISECONDS = 50;

/**
 * Takes the lock of a run folder, a file `lock` that is there for as long as a process trains into it. The lock of a
 * process that is gone is taken over. Throws `InputError` if a process holds it, or one of another machine
 * or container, which cannot be seen from here, and as `fileError` if it cannot be written.
 */
export async function lockRun(folder: string): Promise<RunLock> {
  const path = runPaths(folder).lock;
  const own: LockHolder = { ...describeSelf(), token: randomBytes(12).toString('hex') };
  const patience = performance.now() + PATIENCE_MILLISECONDS;
  while (!createLock(path, own)) {
    const found = readLock(path);
    if (found === undefined) continue;
    const problem = found.holder === undefined ? unreadable : describeHolder(found.holder, own, path);
    if (problem === undefined) removeStale(path, found.text);
    else if (performance.now() > patience) throw new InputError({ ...problem, where: folder });
    else await setTimeout(LOOK_MILLISECONDS);
  }
  return holdLock(path, own);
}

function holdLock(path: string, own: LockHolder): RunLock {
  const release = () => {
    process.removeListener('exit', release);
    try {
      if (readLock(path)?.holder?.token === own.token) rmSync(path, { force: true });
    } catch {
      // The folder is gone, or cannot be written any more: the next process finds that this one is gone.
    }
  };
  process.on('exit', release);
  return {
    check() {
      const holder = readLock(path)?.holder;
      if (holder === undefined || holder.token === own.token) return;
      throw new WorkError({
        what: `another process (pid ${holder.pid} on ${holder.host}) has taken the run's lock and trains into it`,
        where: path,
        mend: 'let one of them end, and remove the lock of no process that works',
      });
    },
    release,
  };
}

/** Makes the lock with all that it says at once; false if there is one. */
function createLock(path: string, own: LockHolder): boolean {
  const temporary = nameBeside(path);
  try {
    writeFileSync(temporary, `${JSON.stringify(own)}\n`, { flag: 'wx' });
    try {
      linkSync(temporary, path);
    } catch (error) {
      // Whoever has the lock removes what others left over, of which this may seem to be.
      if (errorCode(error) === 'EEXIST' || errorCode(error) === 'ENOENT') return false;
      // A file system without links to files.
      copyFileSync(temporary, path, constants.COPYFILE_EXCL);
    }
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw fileError(error, path, 'write');
  } finally {
    rmSync(temporary, { force: true });
  }
}

interface FoundLock {
  readonly text: string;
  /** Undefined if it says nothing that can be understood. */
  readonly holder: LockHolder | undefined;
}

const MOST_BYTES = 2 ** 16;

/** The lock that is there; undefined if there is none. */
function readLock(path: string): FoundLock | undefined {
  try {
    const stat = lstatSync(path);
    if (!stat.isFile() || stat.size > MOST_BYTES) return { text: '', holder: undefined };
    const text = readFileSync(path, 'utf8');
    return { text, holder: parseHolder(text) };
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw fileError(error, path, 'read');
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null) return undefined;
    const table = value as Readonly<Record<string, unknown>>;
    const names = ['host', 'machine', 'boot', 'pidNamespace', 'processStart', 'startedAt', 'token'];
    const isPid = Number.isSafeInteger(table.pid) && Number(table.pid) > 0;
    const isHolder = isPid && names.every((name) => typeof table[name] === 'string');
    return isHolder ? (value as LockHolder) : undefined;
  } catch {
    return undefined;
  }
}

const unreadable = {
  what: 'its lock is none that this program wrote',
  mend: 'if no process trains into it, remove the file lock in it',
};

/** Why the lock is another's; undefined for that of a process that is gone. */
function describeHolder(holder: LockHolder, own: LockHolder, path: string) {
  const who = `another process (pid ${holder.pid}`;
  if (holder.host !== own.host || holder.machine !== own.machine) {
    const mend = `if it is gone, remove ${path}; else wait for its end, or give another --out`;
    return { what: `${who} on ${holder.host}, since ${holder.startedAt}) trains into it`, mend };
  }
  if (holder.boot !== own.boot) return undefined;
  if (holder.pidNamespace !== own.pidNamespace) {
    const mend = `if that container has ended, remove ${path}; else wait for its end, or give another --out`;
    return { what: `${who} in another container, since ${holder.startedAt}) trains into it`, mend };
  }
  if (!isAlive(holder)) return undefined;
  return { what: `${who}) trains into it`, mend: 'wait for its end or end it, or give another --out' };
}

function isAlive({ pid, processStart }: LockHolder): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is there, and another user's.
    if (errorCode(error) === 'ESRCH') return false;
  }
  const now = readProcess(String(pid));
  return now === undefined || (now.state !== 'Z' && (processStart === '' || now.start === processStart));
}

/**
 * Removes a lock that was found to be of a process that is gone. Several may find so at once, and one of them may
 * already have a lock of its own there: what is taken away is looked at, and
 * given back.
 */
function removeStale(path: string, text: string): void {
  const aside = nameBeside(path);
  try {
    renameSync(path, aside);
    if (readFileSync(aside, 'utf8') !== text) linkSync(aside, path);
  } catch (error) {
    if (errorCode(error) !== 'ENOENT' && errorCode(error) !== 'EEXIST') throw fileError(error, path, 'write');
  } finally {
    rmSync(aside, { force: true });
  }
}

function describeSelf(): Omit<LockHolder, 'token'> {
  return {
    pid: process.pid,
    host: hostname(),
    machine: readOrEmpty(() => readFileSync('/etc/machine-id', 'utf8').trim()),
    boot: readOrEmpty(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()),
    pidNamespace: readOrEmpty(() => readlinkSync('/proc/self/ns/pid')),
    processStart: readProcess('self')?.start ?? '',
    startedAt: new Date().toISOString(),
  };
}

function readOrEmpty(read: () => string): string {
  try {
    return read();
  } catch {
    return '';
  }
}

/**
 * Of a process: its state, and when it began. Undefined where the system does not tell. Source: proc(5),
 * `/proc/PID/stat`.
 */
function readProcess(pid: string): { readonly state: string; readonly start: string } | undefined {
  const text = readOrEmpty(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  // After the name, which may hold anything but ends in the last parenthesis: the state is the 3rd field, the start the
  // 22nd.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return fields.length < 20 ? undefined : { state: fields[0], start: fields[19] };
}
