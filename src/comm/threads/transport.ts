import { WorkError } from '../../base/index.js';
import type { Transport } from '../transport.js';
import { abortThreads, control, MAX_GATHERED, type ThreadsMemory } from './memory.js';

/** Loads of the word before a waiting thread goes to sleep: a few microseconds, in which a peer that is about to come often does. */
const SPINS = 400;
/** Sleeps are this short so that an abort is seen even if its wake-up was missed. */
const SLEEP_MILLISECONDS = 50;

/** The transport of the ranks of one process: messages are copied through shared memory, doorbells are Atomics. */
export function createThreadsTransport(memory: ThreadsMemory, rank: number): Transport {
  const words = new Int32Array(memory.control);
  const waitWhile = createWait(words);
  const channelWords = (channel: number) => control.channels + 2 * channel;
  const slot = (channel: number, message: number): Uint8Array => {
    const { byteOffset, messageBytes, slots } = memory.channels[channel];
    return new Uint8Array(memory.mail, byteOffset + (message % slots) * messageBytes, messageBytes);
  };
  const waitForMessage = (channel: number) => {
    const word = channelWords(channel);
    waitWhile(word, Atomics.load(words, word + 1));
  };
  const barrier = createBarrier(memory, words, waitWhile);
  return {
    rank,
    ranks: memory.ranks,
    send(channel, message) {
      const word = channelWords(channel);
      const sent = words[word];
      const { slots } = memory.channels[channel];
      for (
        let received = Atomics.load(words, word + 1);
        sent - received >= slots;
        received = Atomics.load(words, word + 1)
      ) {
        waitWhile(word + 1, received);
      }
      slot(channel, sent).set(message);
      Atomics.store(words, word, sent + 1);
      Atomics.notify(words, word);
    },
    waitForMessage,
    receive(channel, message) {
      waitForMessage(channel);
      const word = channelWords(channel) + 1;
      message.set(slot(channel, words[word]));
      Atomics.add(words, word, 1);
      Atomics.notify(words, word);
    },
    barrier,
    gather: createGather(memory, rank, barrier),
    sumWithPartner: createPartnerSum(memory, rank, barrier),
    abort: () => abortThreads(memory),
  };
}

type WaitWhile = (word: number, value: number) => void;

/** Waits while the word has the value; throws when the run is aborted. */
function createWait(words: Int32Array): WaitWhile {
  return (word, value) => {
    for (let spin = 0; spin < SPINS; spin++) if (Atomics.load(words, word) !== value) return;
    while (Atomics.load(words, word) === value) {
      if (Atomics.load(words, control.aborted) !== 0)
        throw new WorkError({ what: 'the run was ended by another rank' });
      Atomics.wait(words, word, value, SLEEP_MILLISECONDS);
    }
  };
}

function createBarrier(memory: ThreadsMemory, words: Int32Array, waitWhile: WaitWhile): () => void {
  return () => {
    const generation = Atomics.load(words, control.barrierGeneration);
    if (Atomics.add(words, control.barrierArrived, 1) === memory.ranks - 1) {
      Atomics.store(words, control.barrierArrived, 0);
      Atomics.add(words, control.barrierGeneration, 1);
      Atomics.notify(words, control.barrierGeneration);
    } else waitWhile(control.barrierGeneration, generation);
  };
}

function createGather(memory: ThreadsMemory, rank: number, barrier: () => void): Transport['gather'] {
  const shared = new Float64Array(memory.gathered);
  return (values) => {
    if (values.length > MAX_GATHERED)
      throw new WorkError({ what: `${values.length} values gathered at once, at most ${MAX_GATHERED} can be` });
    shared.set(values, rank * MAX_GATHERED);
    barrier();
    const all = new Float64Array(memory.ranks * values.length);
    for (let from = 0; from < memory.ranks; from++) {
      all.set(shared.subarray(from * MAX_GATHERED, from * MAX_GATHERED + values.length), from * values.length);
    }
    // Nobody may write the next values before all have read these.
    barrier();
    return all;
  };
}

/** Each of the two sums one half and writes it to both memories. */
function createPartnerSum(memory: ThreadsMemory, rank: number, barrier: () => void): Transport['sumWithPartner'] {
  return (partner, byteOffset, count) => {
    barrier();
    const half = count >> 1;
    const from = rank < partner ? 0 : half;
    const length = rank < partner ? half : count - half;
    const view = (owner: number) => new Float32Array(memory.states[owner], byteOffset + 4 * from, length);
    const [mine, theirs] = [view(rank), view(partner)];
    for (let index = 0; index < length; index++) {
      const sum = mine[index] + theirs[index];
      mine[index] = sum;
      theirs[index] = sum;
    }
    barrier();
  };
}
