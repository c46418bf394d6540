import type { WaitWhile } from './control.js';

/**
 * The memory over which a rank's computing thread asks its communication thread for operations: plain data that can be posted to a worker.
 * Each operation is under way at most once at a time.
 */
export interface LaneMemory {
  readonly operations: number;
  readonly words: SharedArrayBuffer;
  /** float64 `[operations, 2]`: when the lane took the operation up and when it was done, last time, in seconds of the process-wide clock. */
  readonly times: SharedArrayBuffer;
}

/** Positions in the words of a lane with `operations` operations; the ring holds numbers of operations. */
export function laneWords(operations: number) {
  return {
    /** Rung whenever there is something to do: an operation, or mail. */
    doorbell: 0,
    posted: 1,
    /** Per operation: how often it was done. */
    done: 2,
    /** Per operation: how often this rank's rows or parts were ready for others to read, and how often another rank had read them. */
    offered: 2 + operations,
    taken: 2 + 2 * operations,
    ring: 2 + 3 * operations,
    length: 2 + 4 * operations,
  } as const;
}

export function createLaneMemory(operations: number): LaneMemory {
  return {
    operations,
    words: new SharedArrayBuffer(4 * laneWords(operations).length),
    times: new SharedArrayBuffer(16 * operations),
  };
}

/** The computing thread's side of a lane. */
export interface Lane {
  /** Asks for an operation; returns at once. What it reads must stay until it is done, and what it writes is there then. */
  post(operation: number): void;
  /** Waits until the operation, if it was posted, is done. */
  wait(operation: number): void;
  /** Tells the communication thread that there is mail. */
  ring(): void;
}

export function openLane(memory: LaneMemory, waitWhile: WaitWhile): Lane {
  const words = new Int32Array(memory.words);
  const at = laneWords(memory.operations);
  /** How often each operation has been posted. */
  const posted = new Int32Array(memory.operations);
  const ring = () => {
    Atomics.add(words, at.doorbell, 1);
    Atomics.notify(words, at.doorbell);
  };
  return {
    ring,
    post(operation) {
      posted[operation]++;
      const position = Atomics.load(words, at.posted);
      Atomics.store(words, at.ring + (position % memory.operations), operation);
      Atomics.store(words, at.posted, position + 1);
      ring();
    },
    wait(operation) {
      const wanted = posted[operation];
      for (
        let done = Atomics.load(words, at.done + operation);
        done !== wanted;
        done = Atomics.load(words, at.done + operation)
      )
        waitWhile(words, at.done + operation, done);
    },
  };
}

/** Seconds of a clock that all threads of the process share, and the processes of one machine. */
export function now(): number {
  return (performance.timeOrigin + performance.now()) / 1000;
}
