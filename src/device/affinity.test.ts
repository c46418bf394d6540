import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, describe, it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { findPinningObstacle, listCores, parseCpuList, pinThread, readAffinity } from './affinity.js';

const all = readAffinity();
after(() => pinThread(all));

describe('the affinity of the calling thread', { skip: process.platform !== 'linux' }, () => {
  it('is what it was pinned to, and can be widened again', () => {
    const last = all.slice(-1);
    assert.deepEqual(pinThread(last), { isPinned: true });
    assert.deepEqual(readAffinity(), last);
    assert.deepEqual(pinThread(all), { isPinned: true });
    assert.deepEqual(readAffinity(), all);
  });

  it('does not reach other threads', async () => {
    const module = new URL('./affinity.js', import.meta.url).href;
    const code = `import(${JSON.stringify(module)}).then(({ pinThread, readAffinity }) => {
      const result = pinThread([${all[0]}]);
      require('node:worker_threads').parentPort.postMessage([result, readAffinity()]);
    });`;
    const [answer] = (await once(new Worker(code, { eval: true }), 'message')) as [unknown];
    assert.deepEqual(answer, [{ isPinned: true }, [all[0]]]);
    assert.deepEqual(readAffinity(), all);
  });

  it('stays as it is, with a reason, where the system has no such core, the number is none, or no core is given', () => {
    for (const [cores, reason] of [
      [[8191], /refuses cores 8191 \(EINVAL\)/],
      [[-1], /no core -1/],
      [[8192], /no core 8192/],
      [[0.5], /no core 0.5/],
      [[], /no core is given/],
    ] as const) {
      const result = pinThread(cores);
      assert.equal(result.isPinned, false);
      assert.match(result.isPinned ? '' : result.reason, reason);
      assert.deepEqual(readAffinity(), all);
    }
  });

  it('holds exactly the hardware threads of the cores that are listed', () => {
    assert.deepEqual(
      listCores()
        .flat()
        .sort((a, b) => a - b),
      all,
    );
    pinThread(all.slice(0, 1));
    assert.deepEqual(listCores(), [all.slice(0, 1)]);
    pinThread(all);
  });

  it('can be had for one rank of one thread, and not for more than there are cores', () => {
    assert.equal(findPinningObstacle({ ranks: 1, computeThreads: 1 }), undefined);
    const obstacle = findPinningObstacle({ ranks: all.length + 1, computeThreads: 1 });
    assert.match(obstacle ?? '', new RegExp(`${all.length + 1} ranks of 1 thread are more than ${all.length} core`));
    assert.deepEqual(readAffinity(), all);
  });
});

it('reads the lists of hardware threads that Linux writes', () => {
  assert.deepEqual(parseCpuList('0,8\n'), [0, 8]);
  assert.deepEqual(parseCpuList('2-4,7\n'), [2, 3, 4, 7]);
  assert.deepEqual(parseCpuList('3\n'), [3]);
  assert.deepEqual(parseCpuList('5-3,x,'), []);
});
