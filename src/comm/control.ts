import { WorkError } from '../base/index.js';

/**
 * Words that all threads of a process share: whether the run is over. A rank that waits looks here, so that nobody waits for the dead.
 * The cause goes to the thread that started the ranks, by the way in which its threads report.
 */
export interface Control {
  readonly words: SharedArrayBuffer;
}

const aborted = 0;

export function createControl(): Control {
  return { words: new SharedArrayBuffer(4) };
}

/** Loads of the word before a waiting thread goes to sleep: a few microseconds, in which a peer that is about to come often does. */
const SPINS = 400;
/** Sleeps are this short so that an abort is seen soon. */
const SLEEP_MILLISECONDS = 50;

/** Ends the run of all threads of the process: whoever waits throws within a fraction of a second. */
export function abort({ words }: Control): void {
  Atomics.store(new Int32Array(words), aborted, 1);
}

export function isAborted({ words }: Control): boolean {
  return Atomics.load(new Int32Array(words), aborted) !== 0;
}

/** Waits while `words[index]` has the value; throws `WorkError` when the run is aborted. */
export type WaitWhile = (words: Int32Array, index: number, value: number) => void;

export function createWait(control: Control): WaitWhile {
  const flags = new Int32Array(control.words);
  return (words, index, value) => {
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(words, index) !== value) return;
    while (Atomics.load(words, index) === value) {
      if (Atomics.load(flags, aborted) !== 0) throw new WorkError({ what: 'the run was ended by another rank' });
      Atomics.wait(words, index, value, SLEEP_MILLISECONDS);
    }
  };
}
