import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { defaultTrainingConfig } from '../config/index.js';
import { readExpertLoads } from '../formats/index.js';
import { createLoadRecorder } from './load-recorder.js';

const parent = mkdtempSync(join(tmpdir(), 'load-recorder-'));
after(() => rmSync(parent, { recursive: true }));

const model = { ...defaultTrainingConfig.model, numHiddenLayers: 3, firstKDenseReplace: 1, nRoutedExperts: 2 };

/** Records a run; step `dead` has no token in a layer. Gives the names of its files. */
async function record(
  { steps, interval, done = 0, dead }: { steps: number; interval: number; done?: number; dead?: number },
  folder = mkdtempSync(join(parent, 'run-')),
) {
  const { train, balance, ...rest } = defaultTrainingConfig;
  const config = { ...rest, model, train: { ...train, steps }, balance: { ...balance, interval } };
  const recorder = await createLoadRecorder({ config, spec: { model }, folder, done });
  for (let step = done + 1; step <= steps; step++) {
    // Two pipeline ranks with a layer each.
    const counts = [[step, 1], step === dead ? [0, 0] : [2, step]];
    await recorder?.record(
      step,
      counts.map((row, rank) => ({ expertCounts: new Map([[rank + 1, row]]) })),
    );
  }
  await recorder?.flush();
  const loads = join(folder, 'loads');
  return { folder, loads, names: existsSync(loads) ? readdirSync(loads).sort() : [] };
}

it('leaves out 10 steps of a run in which nothing is decided, and half of a short one', async () => {
  assert.deepEqual((await record({ steps: 130, interval: 0 })).names, ['0000011-0000110.json', '0000111-0000130.json']);
  assert.deepEqual((await record({ steps: 8, interval: 0 })).names, ['0000005-0000008.json']);
  assert.deepEqual((await record({ steps: 1, interval: 0 })).names, ['0000001-0000001.json']);
});

it('writes where a decision is made, from half of the first interval on', async () => {
  assert.deepEqual((await record({ steps: 10, interval: 4 })).names, [
    '0000003-0000004.json',
    '0000005-0000008.json',
    '0000009-0000010.json',
  ]);
});

it('leaves dead steps out, and writes the counts of all ranks in rows for all layers', async () => {
  const { loads } = await record({ steps: 8, interval: 0, dead: 6 });
  const read = (await readExpertLoads(loads)).loads;
  assert.deepEqual([read.windows, read.layers, read.experts], [3, 3, 2]);
  assert.deepEqual(
    [...read.counts],
    [5, 7, 8].flatMap((step) => [0, 0, step, 1, 2, step]),
  );
});

it('goes on from a step as if it had not been cut off', async () => {
  const whole = await record({ steps: 40, interval: 0 });
  const { folder, loads } = await record({ steps: 40, interval: 0 });
  await record({ steps: 40, interval: 0, done: 25 }, folder);
  assert.deepEqual((await readExpertLoads(loads)).loads, (await readExpertLoads(whole.loads)).loads);
});

it('records nothing without routed experts', async () => {
  const { train, balance, ...rest } = defaultTrainingConfig;
  const dense = { ...model, firstKDenseReplace: 3 };
  const config = { ...rest, model: dense, train, balance };
  assert.equal(await createLoadRecorder({ config, spec: { model: dense }, folder: parent, done: 0 }), undefined);
});
