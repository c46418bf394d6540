import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createStop } from './interrupted.js';

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

test('the first of any signal asks to stop, and says with which exit code the process ends', () => {
  for (const [index, signal] of signals.entries()) {
    const told: string[] = [];
    const stop = createStop((one) => told.push(one));
    stop.listen();
    try {
      process.emit(signal, signal);
      assert.ok(stop.signal.aborted);
      // A queue or a closed terminal may send it again, which is not to end what is being saved.
      for (const other of ['SIGTERM', 'SIGHUP'] as const) process.emit(other, other);
      assert.deepEqual(told, [signal]);
      assert.equal(stop.interruption().exitCode, [130, 143, 129][index]);
      assert.equal(process.listenerCount('SIGINT'), 0, 'Ctrl-C now ends the process at once');
      stop.end();
      process.emit('SIGTERM', 'SIGTERM');
      assert.equal(process.listenerCount('SIGTERM'), 1, 'while the process ends, another one changes nothing');
    } finally {
      for (const one of signals) process.removeAllListeners(one);
    }
  }
});

test('before the work listens and after it has ended, signals end the process', () => {
  const stop = createStop(() => assert.fail('nothing was to be asked'));
  const counts = () => signals.map((signal) => process.listenerCount(signal));
  const before = counts();
  stop.listen();
  assert.deepEqual(
    counts(),
    before.map((count) => count + 1),
  );
  stop.end();
  assert.deepEqual(counts(), before);
});
