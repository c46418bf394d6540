import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readThreadCpuSeconds } from './thread-clock.js';

/** Waits asleep. */
function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}

describe('the clock of a thread', { skip: process.platform !== 'linux' && 'Linux only' }, () => {
  const read = () => readThreadCpuSeconds() ?? assert.fail('there is no clock');

  it('runs while the thread computes', () => {
    const start = read();
    while (read() - start < 0.002) Math.hypot(1, 2);
    assert.ok(read() > start);
  });

  it('stands still while the thread sleeps', () => {
    const before = read();
    sleep(300);
    const slept = read() - before;
    assert.ok(slept < 0.1, `${slept} s of 0.3`);
  });
});
