import type { WaitWhile } from './control.js';

/** A one-way queue of equal messages from one rank to another. */
export interface ChannelSpec {
  readonly from: number;
  readonly to: number;
  readonly messageBytes: number;
  /** Messages that may wait in it; a sender that finds it full waits. */
  readonly slots: number;
}

/** Slots and counters of the channels that a process knows: plain data that can be posted to a worker. */
export interface MailMemory {
  readonly channels: readonly (ChannelSpec & { readonly byteOffset: number })[];
  /** Per channel two words: messages put in, messages taken out. */
  readonly words: SharedArrayBuffer;
  readonly slots: SharedArrayBuffer;
}

export function createMailMemory(channels: readonly ChannelSpec[]): MailMemory {
  let bytes = 0;
  const placed = channels.map((channel) => {
    const byteOffset = bytes;
    bytes += channel.slots * channel.messageBytes;
    return { ...channel, byteOffset };
  });
  return { channels: placed, words: new SharedArrayBuffer(8 * channels.length), slots: new SharedArrayBuffer(bytes) };
}

/** Word of a channel that counts the messages put in; the next one counts those taken out. */
export function channelWord(channel: number): number {
  return 2 * channel;
}

/** Bytes of the slot of a channel's message number `message`. */
export function mailSlot({ channels, slots }: MailMemory, channel: number, message: number): Uint8Array {
  const { byteOffset, messageBytes, slots: count } = channels[channel];
  return new Uint8Array(slots, byteOffset + (message % count) * messageBytes, messageBytes);
}

export interface Mail {
  send(channel: number, message: Uint8Array): void;
  waitForMessage(channel: number): void;
  receive(channel: number, message: Uint8Array): void;
}

/** The computing thread's side of the channels; `onChange` is called when a slot was filled or freed. */
export function openMail(memory: MailMemory, waitWhile: WaitWhile, onChange: () => void): Mail {
  const words = new Int32Array(memory.words);
  const waitForMessage = (channel: number) => {
    const word = channelWord(channel);
    waitWhile(words, word, Atomics.load(words, word + 1));
  };
  const count = (word: number) => {
    Atomics.add(words, word, 1);
    Atomics.notify(words, word);
    onChange();
  };
  return {
    send(channel, message) {
      const word = channelWord(channel);
      const sent = words[word];
      const { slots } = memory.channels[channel];
      for (let taken = Atomics.load(words, word + 1); sent - taken >= slots; taken = Atomics.load(words, word + 1))
        waitWhile(words, word + 1, taken);
      mailSlot(memory, channel, sent).set(message);
      count(word);
    },
    waitForMessage,
    receive(channel, message) {
      waitForMessage(channel);
      const word = channelWord(channel) + 1;
      message.set(mailSlot(memory, channel, words[word]));
      count(word);
    },
  };
}
