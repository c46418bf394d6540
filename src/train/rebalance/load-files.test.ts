import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { readExpertLoads } from '../../formats/index.js';
import { createLoadFiles } from './load-files.js';

const folder = mkdtempSync(join(tmpdir(), 'load-files-'));
after(() => rmSync(folder, { recursive: true }));
const newRun = () => mkdtempSync(join(folder, 'run-'));
const namesOf = (run: string) => readdirSync(join(run, 'loads')).sort();

const open = (run: string, done: number) =>
  createLoadFiles({ folder: run, layers: [1, 3], experts: 2, hiddenLayers: 4 }, done);
const loadsOf = (step: number) => ({ step, counts: Int32Array.of(step, 1, 2, step) });

/** Trains from after `done` to `end`, of which steps from 3 on count, and writes every 4 steps and at the end. */
async function train(run: string, done: number, end: number): Promise<void> {
  const files = await open(run, done);
  for (let step = done + 1; step <= end; step++) {
    if (step > 2) await files.add(loadsOf(step), step % 3 === 0);
    if (step % 4 === 0) await files.flush();
  }
  await files.flush();
}

it('writes what balance reads: every step a window, a row for each layer of the model, in files named after their steps', async () => {
  const run = newRun();
  await train(run, 0, 10);
  assert.deepEqual(namesOf(run), ['0000003-0000004.json', '0000005-0000008.json', '0000009-0000010.json']);
  const { loads, layerNumbers, notes } = await readExpertLoads(join(run, 'loads'));
  assert.deepEqual([loads.windows, loads.layers, loads.experts], [8, 4, 2]);
  assert.deepEqual(layerNumbers, [0, 1, 2, 3]);
  const expected = [3, 4, 5, 6, 7, 8, 9, 10].flatMap((step) => [0, 0, step, 1, 0, 0, 2, step]);
  assert.deepEqual([...loads.counts], expected);
  assert.deepEqual(notes, ['8 steps in 3 files', '2 layers without tokens (dense ones?): 0, 2']);
});

it('writes no file without a step', async () => {
  const run = newRun();
  const files = await open(run, 0);
  await files.flush();
  assert.deepEqual(readdirSync(run), []);
});

it('writes by itself before a file becomes long', async () => {
  const run = newRun();
  const files = await open(run, 0);
  for (let step = 3; step <= 250; step++) await files.add(loadsOf(step), false);
  await files.flush();
  assert.deepEqual(namesOf(run), ['0000003-0000102.json', '0000103-0000202.json', '0000203-0000250.json']);
});

it('shows the file that is being filled at any time: its steps once each, under a name that grows with it', async () => {
  const run = newRun();
  const files = await open(run, 0);
  for (let step = 3; step <= 107; step++) {
    const isShown = step % 10 === 5;
    await files.add(loadsOf(step), isShown);
    if (!isShown) continue;
    const last = String(step).padStart(7, '0');
    assert.deepEqual(
      namesOf(run),
      step <= 102 ? [`0000003-${last}.json`] : ['0000003-0000102.json', `0000103-${last}.json`],
    );
    assert.equal((await readExpertLoads(join(run, 'loads'))).loads.windows, step - 2);
  }
  // A run that is killed here leaves what it has shown; one that goes on from a step before removes it.
  await open(run, 102);
  assert.deepEqual(namesOf(run), ['0000003-0000102.json']);
});

it('replaces what lies beyond the step that a run goes on from, as if it had not been cut off', async () => {
  const [run, whole] = [newRun(), newRun()];
  await train(run, 0, 8);
  await train(run, 8, 14);
  // Cut off after step 14, to go on from the checkpoint of step 8.
  await train(run, 8, 16);
  await train(whole, 0, 16);
  assert.deepEqual(namesOf(run), namesOf(whole));
  const read = async (one: string) => (await readExpertLoads(join(one, 'loads'))).loads;
  assert.deepEqual(await read(run), await read(whole));
});

it('shortens a file that reaches beyond that step', async () => {
  const run = newRun();
  await train(run, 0, 8);
  await open(run, 6);
  assert.deepEqual(namesOf(run), ['0000003-0000004.json', '0000005-0000006.json']);
  assert.equal((await readExpertLoads(join(run, 'loads'))).loads.windows, 4);
});

it('begins a new run with no loads, and leaves other files alone', async () => {
  const run = newRun();
  await train(run, 0, 8);
  writeFileSync(join(run, 'loads', 'notes.txt'), 'mine');
  await open(run, 0);
  assert.deepEqual(namesOf(run), ['notes.txt']);
});

it('does not throw away what it cannot shorten', async () => {
  const run = newRun();
  mkdirSync(join(run, 'loads'));
  writeFileSync(join(run, 'loads', '1-9.json'), '{"steps": [1, 9]}');
  await assert.rejects(open(run, 5), /its name says that it holds step 5, and it does not/);
  assert.deepEqual(namesOf(run), ['1-9.json']);
});

it('refuses a file in place of the folder, and leaves folders in it alone', async () => {
  const [run, other] = [newRun(), newRun()];
  writeFileSync(join(run, 'loads'), '');
  await assert.rejects(open(run, 0), { name: 'InputError', message: /this is a file/ });
  mkdirSync(join(other, 'loads', '5-9.json'), { recursive: true });
  await open(other, 0);
  assert.deepEqual(namesOf(other), ['5-9.json']);
});
