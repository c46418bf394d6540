import koffi, { type LibraryHandle } from 'koffi';

interface Clock {
  /** The functions of a library that is collected crash. */
  readonly library: LibraryHandle;
  readonly getTime: (clock: number, time: BigInt64Array) => number;
  /** `struct timespec`: seconds and nanoseconds. Over memory of its own, since V8 may move what lies on its heap. */
  readonly time: BigInt64Array;
}

/** CLOCK_THREAD_CPUTIME_ID of Linux's time.h. */
const threadCpuTime = 3;

let clock: Clock | undefined;

function loadClock(): Clock {
  const library = koffi.load(null);
  const getTime = library.func('clock_gettime', 'int', ['int', 'void *']);
  return { library, getTime, time: new BigInt64Array(new ArrayBuffer(16)) };
}

/**
 * Seconds for which the calling thread has had a core since it began: what it waits for asleep, or for a core while others have them, does not count
 * (clock_gettime(2)). Undefined where the system has no such clock: on others than Linux. Never throws.
 */
export function readThreadCpuSeconds(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    clock ??= loadClock();
  } catch {
    return undefined;
  }
  const { getTime, time } = clock;
  if (getTime(threadCpuTime, time) !== 0) return undefined;
  return Number(time[0]) + Number(time[1]) / 1e9;
}
