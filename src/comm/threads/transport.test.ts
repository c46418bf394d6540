import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { abortThreads, createThreadsMemory } from './memory.js';
import { createThreadsTransport } from './transport.js';

const state = () => new SharedArrayBuffer(64);
const createPair = (slots: number) => {
  const memory = createThreadsMemory([{ from: 0, to: 1, messageBytes: 4, slots }], [state(), state()]);
  return { memory, sender: createThreadsTransport(memory, 0), receiver: createThreadsTransport(memory, 1) };
};

describe('the threads transport', () => {
  it('gives messages in the order they were sent, and copies them', () => {
    const { sender, receiver } = createPair(3);
    const message = new Uint8Array(4);
    const received: number[] = [];
    for (let round = 0; round < 4; round++) {
      for (let index = 0; index < 3; index++) sender.send(0, message.fill(10 * round + index));
      for (let index = 0; index < 3; index++) {
        const into = new Uint8Array(4);
        receiver.receive(0, into);
        received.push(into[3]);
      }
    }
    assert.deepEqual(received, [0, 1, 2, 10, 11, 12, 20, 21, 22, 30, 31, 32]);
  });

  it('ends every wait with an error once the run is aborted', () => {
    const { memory, sender, receiver } = createPair(1);
    sender.send(0, new Uint8Array(4));
    abortThreads(memory);
    assert.throws(() => sender.send(0, new Uint8Array(4)), { name: 'WorkError', message: /ended by another rank/ });
    receiver.receive(0, new Uint8Array(4));
    assert.throws(() => receiver.waitForMessage(0), { name: 'WorkError' });
    assert.throws(() => receiver.barrier(), { name: 'WorkError' });
  });
});
