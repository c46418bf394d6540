import { type Problem, WorkError } from '../base/index.js';

/**
 * What all threads of a process share: whether the run is over, and why. A rank that waits looks here, so that nobody waits for the dead.
 */
export interface Control {
  readonly words: SharedArrayBuffer;
  /** The cause as JSON, after its length in bytes. */
  readonly cause: SharedArrayBuffer;
}

const aborted = 0;
const state = { running: 0, ending: 1, over: 2 } as const;
const CAUSE_BYTES = 4096;

export function createControl(): Control {
  return { words: new SharedArrayBuffer(4), cause: new SharedArrayBuffer(CAUSE_BYTES) };
}

/** Loads of the word before a waiting thread goes to sleep: a few microseconds, in which a peer that is about to come often does. */
const SPINS = 400;
/** Sleeps are this short so that an abort is seen soon. */
const SLEEP_MILLISECONDS = 50;

/**
 * Ends the run of all threads of the process: whoever waits throws within a fraction of a second. The first cause counts; without one the run ends
 * because it is done.
 */
export function abort({ words, cause }: Control, problem?: Problem): void {
  const flags = new Int32Array(words);
  if (Atomics.compareExchange(flags, aborted, state.running, state.ending) !== state.running) return;
  const text = problem === undefined ? new Uint8Array() : new TextEncoder().encode(JSON.stringify(problem));
  const isShort = text.length <= CAUSE_BYTES - 4;
  new Int32Array(cause, 0, 1)[0] = isShort ? text.length : 0;
  if (isShort) new Uint8Array(cause, 4).set(text);
  Atomics.store(flags, aborted, state.over);
}

export function isAborted({ words }: Control): boolean {
  return Atomics.load(new Int32Array(words), aborted) === state.over;
}

/** Why the run was ended; undefined if nobody said. */
export function readCause({ cause }: Control): Problem | undefined {
  const [length] = new Int32Array(cause, 0, 1);
  return length === 0
    ? undefined
    : (JSON.parse(new TextDecoder().decode(new Uint8Array(cause, 4, length).slice())) as Problem);
}

/** Waits while `words[index]` has the value; throws `WorkError` when the run is aborted. */
export type WaitWhile = (words: Int32Array, index: number, value: number) => void;

export function createWait(control: Control): WaitWhile {
  const flags = new Int32Array(control.words);
  return (words, index, value) => {
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(words, index) !== value) return;
    while (Atomics.load(words, index) === value) {
      if (Atomics.load(flags, aborted) === state.over)
        throw new WorkError({ what: 'the run was ended by another rank' });
      Atomics.wait(words, index, value, SLEEP_MILLISECONDS);
    }
  };
}
