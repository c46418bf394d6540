import { channelWord, type MailMemory, mailSlot } from '../mail.js';
import type { Requests } from './requests.js';
import { createStream } from './stream.js';

/** Carries mail between this rank's slots and those of other ranks. */
export interface MailCarrier {
  /** Takes up what was put in and out of the slots since last time; gives the number of messages that it began to move. */
  carry(): number;
}

/** @param firstTag tag of the first channel; the others follow */
export function createMailCarrier(rank: number, mail: MailMemory, requests: Requests, firstTag: number): MailCarrier {
  const words = new Int32Array(mail.words);
  const ways = mail.channels.flatMap(({ from, to, slots }, channel) => {
    // Of a channel to the rank itself both ends use the same slots.
    if (from === to || (from !== rank && to !== rank)) return [];
    const direction = from === rank ? 'send' : 'receive';
    const stream = createStream(requests, direction, from === rank ? to : from, firstTag + channel);
    const word = channelWord(channel);
    return [
      direction === 'send'
        ? { channel, stream, ends: word + 1, limit: () => Atomics.load(words, word) }
        : { channel, stream, ends: word, limit: () => Atomics.load(words, word + 1) + slots },
    ];
  });
  const begun = new Int32Array(mail.channels.length);
  return {
    carry() {
      let moved = 0;
      for (const { channel, stream, ends, limit } of ways) {
        for (const until = limit(); begun[channel] < until; begun[channel]++, moved++) {
          stream.push(mailSlot(mail, channel, begun[channel]), countMessage(words, ends));
        }
      }
      return moved;
    },
  };
}

/** Counts a message whose slot is filled, or free again. */
function countMessage(words: Int32Array, word: number): () => void {
  return () => {
    Atomics.add(words, word, 1);
    Atomics.notify(words, word);
  };
}
