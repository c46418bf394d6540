/** How a process asks its communication thread to end: plain data that can be posted to a worker. */
export interface Ending {
  /** A word for what is asked for, one for the length of the cause, and the cause in UTF-8. */
  readonly memory: SharedArrayBuffer;
}

const asked = 0;
const length = 1;
const firstByte = 8;
/** Causes are cut to this many bytes; it is one line. */
const CAUSE_BYTES = 500;

export type Asked = 'nothing' | 'finish' | 'fail';
const all: readonly Asked[] = ['nothing', 'finish', 'fail'];

export function createEnding(): Ending {
  return { memory: new SharedArrayBuffer(firstByte + CAUSE_BYTES) };
}

/** Asks for the end after everything that is under way, once all ranks ask for it. */
export function askToFinish({ memory }: Ending): void {
  Atomics.compareExchange(new Int32Array(memory, 0, 2), asked, all.indexOf('nothing'), all.indexOf('finish'));
}

/** Asks for the end of all ranks at once, which are told the cause. The first cause stays. */
export function askToFail({ memory }: Ending, cause: string): void {
  const words = new Int32Array(memory, 0, 2);
  if (Atomics.load(words, asked) === all.indexOf('fail')) return;
  const bytes = encodeCause(cause);
  new Uint8Array(memory).set(bytes, firstByte);
  Atomics.store(words, length, bytes.length);
  Atomics.store(words, asked, all.indexOf('fail'));
}

export function whatIsAsked({ memory }: Ending): Asked {
  return all[Atomics.load(new Int32Array(memory, 0, 2), asked)];
}

export function causeOf({ memory }: Ending): string {
  const bytes = Atomics.load(new Int32Array(memory, 0, 2), length);
  return decodeCause(new Uint8Array(memory, firstByte, bytes));
}

/** The text in UTF-8, in memory of its own, cut to what a message of an end holds. */
export function encodeCause(cause: string): Uint8Array {
  return new TextEncoder().encode(cause).slice(0, CAUSE_BYTES);
}

export function decodeCause(bytes: Uint8Array): string {
  // A copy, since the decoder takes no shared memory.
  return new TextDecoder().decode(bytes.slice());
}

/** Room for a cause that another rank sends. */
export function createCauseRoom(): Uint8Array {
  return new Uint8Array(CAUSE_BYTES);
}
