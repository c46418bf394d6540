import { constants } from 'node:os';

/** By which a person, a queue, a container or a lost terminal asks a process to end. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
export type StopSignal = (typeof stopSignals)[number];

/**
 * A signal ended the work; what was promised is on disk. There is no message; the exit code is 128 and the number of
 * the signal, as a shell has it: 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP.
 */
export class Interrupted extends Error {
  readonly exitCode: number;

  constructor(signal: StopSignal) {
    super(`ended by ${signal}`);
    this.exitCode = 128 + constants.signals[signal];
  }
}

/** Work that can end in good order, asked to by a signal. */
export interface Stop {
  /** Aborted by the first signal. */
  readonly signal: AbortSignal;
  /** From now on a signal asks; before, and after an `end` that none asked for, it ends the process at once. */
  readonly listen: () => void;
  readonly end: () => void;
  /** What to throw when the work has stopped: of MPI's processes perhaps only another one was asked. */
  readonly interruption: () => Interrupted;
}

/**
 * Asks work to stop at the first signal, of which `onStop` is told. Ctrl-C after that ends the process at once; others
 * do not, as a queue or a closed terminal may send them twice.
 */
export function createStop(onStop: (signal: StopSignal) => void): Stop {
  const abort = new AbortController();
  let first: StopSignal | undefined;
  const receive = (signal: StopSignal) => {
    process.removeListener('SIGINT', receive);
    if (first !== undefined) return;
    first = signal;
    abort.abort();
    onStop(signal);
  };
  return {
    signal: abort.signal,
    listen: () => {
      for (const signal of stopSignals) process.on(signal, receive);
    },
    end: () => {
      // The process ends by the first one: another that comes meanwhile is not to take its exit code away.
      if (first !== undefined) return;
      for (const signal of stopSignals) process.removeListener(signal, receive);
    },
    interruption: () => new Interrupted(first ?? 'SIGINT'),
  };
}
