import type { ChannelSpec } from '../transport.js';

/** Values a rank can give to `gather`. */
export const MAX_GATHERED = 64;

/** Positions in the control words. */
export const control = {
  aborted: 0,
  barrierArrived: 1,
  barrierGeneration: 2,
  /** Per channel: messages sent, messages received. */
  channels: 4,
} as const;

/** The memory that the ranks of one process share to talk; plain data that can be posted to a worker. */
export interface ThreadsMemory {
  readonly ranks: number;
  readonly channels: readonly (ChannelSpec & { readonly byteOffset: number })[];
  readonly control: SharedArrayBuffer;
  readonly mail: SharedArrayBuffer;
  readonly gathered: SharedArrayBuffer;
  /** Each rank's parameters, gradients and optimizer state. */
  readonly states: readonly SharedArrayBuffer[];
}

/** Lays out the channels' slots and the control words for `states.length` ranks. */
export function createThreadsMemory(
  channels: readonly ChannelSpec[],
  states: readonly SharedArrayBuffer[],
): ThreadsMemory {
  let bytes = 0;
  const placed = channels.map((channel) => {
    const byteOffset = bytes;
    bytes += channel.slots * channel.messageBytes;
    return { ...channel, byteOffset };
  });
  const ranks = states.length;
  return {
    ranks,
    channels: placed,
    control: new SharedArrayBuffer(4 * (control.channels + 2 * channels.length)),
    mail: new SharedArrayBuffer(bytes),
    gathered: new SharedArrayBuffer(8 * MAX_GATHERED * ranks),
    states,
  };
}

/** Ends the run of all ranks that use `memory`: whoever waits wakes up and throws. */
export function abortThreads(memory: ThreadsMemory): void {
  const words = new Int32Array(memory.control);
  Atomics.store(words, control.aborted, 1);
  for (let word = 0; word < words.length; word++) Atomics.notify(words, word);
}
