import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { createControl, readCause } from '../comm/index.js';
import { createCalls } from './calls.js';

/** A thread that lives until it is killed or told to end; it leaves all calls without a reply. */
function startThread(): Worker {
  const code = `
    const { parentPort } = require('node:worker_threads');
    parentPort.on('message', (message) => { if (message === 'end') process.exit(0); });`;
  return new Worker(code, { eval: true });
}

describe('a thread of a rank that is killed', () => {
  it('ends the run with a line that names the rank, for calls under way and later ones, and tells the other threads', async () => {
    const control = createControl();
    const workers = [startThread(), startThread()];
    const calls = createCalls(control, workers, [0, 1]);
    const underWay = [calls.built, calls.call('meet')];
    await workers[1].terminate();
    for (const call of underWay)
      await assert.rejects(call, {
        name: 'WorkError',
        message: /^the thread of a rank ended with code \d \(rank 1\)$/,
      });
    await assert.rejects(calls.call('meet'), /rank 1/);
    assert.equal(readCause(control)?.where, 'rank 1');
    await calls.close();
  });

  it('is noticed too if it is the communication thread', async () => {
    const control = createControl();
    const calls = createCalls(control, [startThread()], [0]);
    const lane = startThread();
    calls.watch(0, lane);
    const underWay = calls.call('meet');
    await lane.terminate();
    await assert.rejects(underWay, /rank 0/);
    calls.built.catch(() => undefined);
    await calls.close();
  });
});
