import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { replaceFile, type StepMetrics } from '../formats/index.js';
import { startMetrics } from './metrics-file.js';
import { listCheckpoints, listLoadFiles, listTimelines, readMetrics, timelinePath } from './run-folder.js';
import { runPaths } from './run-paths.js';

const parent = mkdtempSync(join(tmpdir(), 'run-folder-'));
after(() => rmSync(parent, { recursive: true }));
const newRun = () => mkdtempSync(join(parent, 'run-'));

const metricsOf = (step: number): StepMetrics => ({
  step,
  loss: 1 / step,
  gradNorm: 1,
  learningRate: 1e-3,
  tokens: 8,
  seconds: 0.5,
  tokensPerSecond: 16,
  computeSeconds: [0.4],
  communicationSeconds: [0],
  exposedCommunicationSeconds: [0.05],
  idleSeconds: [0.05],
  balancedness: 1,
  rankBalancedness: 1,
  rankLoads: [8],
  expertSeconds: [0.1],
  moves: 0,
});
/** Adds lines as a run does. */
function addMetrics(run: string, steps: readonly number[]): void {
  for (const step of steps) appendFileSync(runPaths(run).metrics, `${JSON.stringify(metricsOf(step))}\n`);
}
const stepsOf = ({ lines }: { readonly lines: readonly StepMetrics[] }) => lines.map(({ step }) => step);

it('reads metrics from where it was, and leaves a line that is not whole yet for the next time', () => {
  const run = newRun();
  assert.deepEqual(readMetrics(run), { lines: [], next: undefined, isAnew: false, hasMore: false });
  addMetrics(run, [1, 2]);
  const first = readMetrics(run);
  assert.deepEqual(first.lines, [metricsOf(1), metricsOf(2)]);
  assert.deepEqual(stepsOf(readMetrics(run, first.next)), []);
  const text = `${JSON.stringify(metricsOf(3))}\n`;
  appendFileSync(runPaths(run).metrics, text.slice(0, 40));
  const half = readMetrics(run, first.next);
  assert.deepEqual([stepsOf(half), half.next], [[], first.next]);
  appendFileSync(runPaths(run).metrics, text.slice(40));
  const third = readMetrics(run, half.next);
  assert.deepEqual([stepsOf(third), third.isAnew, third.hasMore], [[3], false, false]);
});

it('begins anew when a run that is resumed has written another file', async () => {
  const run = newRun();
  addMetrics(run, [1, 2, 3, 4, 5]);
  const { next } = readMetrics(run);
  const file = await startMetrics(run, 3);
  assert.equal(file.cutTo, 5);
  for (const step of [4, 5, 6, 7, 8, 9]) await file.add(metricsOf(step));
  file.close();
  const again = readMetrics(run, next);
  assert.deepEqual([stepsOf(again), again.isAnew], [[1, 2, 3, 4, 5, 6, 7, 8, 9], true]);
});

it('keeps lines of a resumed run as they are, though another version wrote them, and none that was cut', async () => {
  const run = newRun();
  const older = '{"step":1,"loss":2.5,"ofAnotherVersion":{"a":[1]}}';
  const own = JSON.stringify(metricsOf(2));
  writeFileSync(
    runPaths(run).metrics,
    [older, own, '7', 'null', '{"step":"x"}', JSON.stringify(metricsOf(3)), '{"step":'].join('\n'),
  );
  const kept: StepMetrics[] = [];
  (await startMetrics(run, 2, (line) => kept.push(line))).close();
  assert.deepEqual(kept, [metricsOf(2)]);
  assert.equal(readFileSync(runPaths(run).metrics, 'utf8'), `${older}\n${own}\n`);
});

it('reads a long file in parts, and each line once', () => {
  const run = newRun();
  const line = `${JSON.stringify({ ...metricsOf(1), rankLoads: new Array<number>(2000).fill(123456) })}\n`;
  writeFileSync(
    runPaths(run).metrics,
    Array.from({ length: 700 }, (_, index) => line.replace('"step":1', `"step":${index + 1}`)).join(''),
  );
  const steps: number[] = [];
  let part = readMetrics(run);
  for (;;) {
    steps.push(...stepsOf(part));
    if (!part.hasMore) break;
    part = readMetrics(run, part.next);
  }
  assert.deepEqual(
    steps,
    Array.from({ length: 700 }, (_, index) => index + 1),
  );
});

it('leaves out lines that are no metrics, and refuses one that does not end', () => {
  const run = newRun();
  writeFileSync(runPaths(run).metrics, '{"step":1}\nnull\n[]\nnonsense\n{"__proto__":1}\n');
  addMetrics(run, [2]);
  appendFileSync(runPaths(run).metrics, `${JSON.stringify({ ...metricsOf(3), idleSeconds: ['x'] })}\n`);
  assert.deepEqual(stepsOf(readMetrics(run)), [2]);
  writeFileSync(runPaths(run).metrics, 'x'.repeat(2 ** 20 + 1));
  assert.throws(() => readMetrics(run), { name: 'InputError', message: /longer than 1 MiB/ });
});

it('lists timelines, loads and checkpoints in order of their steps, and nothing else', () => {
  const run = newRun();
  assert.deepEqual([listTimelines(run), listLoadFiles(run), listCheckpoints(run)], [[], [], []]);
  const { timelines, loads, checkpoints } = runPaths(run);
  for (const folder of [timelines, loads, checkpoints]) mkdirSync(folder);
  for (const name of ['10.json', '9.json', '.9.json.1-ab.tmp', '0.json', '9.txt'])
    writeFileSync(join(timelines, name), '');
  for (const name of ['0000003-0000009.json', '0000010-0000011.json', 'x-1.json']) writeFileSync(join(loads, name), '');
  for (const name of ['100', '20', '.100.1-ab.tmp', '20.damaged', '30.cut-off']) mkdirSync(join(checkpoints, name));
  assert.deepEqual(listTimelines(run), [9, 10]);
  assert.equal(timelinePath(run, 9), join(timelines, '9.json'));
  assert.deepEqual(listLoadFiles(run), [
    { first: 3, last: 9, path: join(loads, '0000003-0000009.json') },
    { first: 10, last: 11, path: join(loads, '0000010-0000011.json') },
  ]);
  assert.deepEqual(listCheckpoints(run), [20, 100]);
});

it('writes metrics again that were removed or replaced while the run goes on, and says of lines that were cut that they are missing', async () => {
  const run = newRun();
  const { metrics } = runPaths(run);
  const file = await startMetrics(run, 0);
  assert.equal(await file.add(metricsOf(1)), undefined);
  rmSync(metrics);
  assert.match((await file.add(metricsOf(2))) ?? '', /was removed/);
  assert.equal(await file.add(metricsOf(3)), undefined);
  replaceFile(metrics, '');
  assert.match((await file.add(metricsOf(4))) ?? '', /was removed/);
  assert.deepEqual(stepsOf(readMetrics(run)), [1, 2, 3, 4]);
  truncateSync(metrics, 0);
  assert.match((await file.add(metricsOf(5))) ?? '', /cut short.*before 5/);
  assert.deepEqual(stepsOf(readMetrics(run)), [5]);
  rmSync(run, { recursive: true });
  await assert.rejects(file.add(metricsOf(6)), { name: 'InputError' });
  file.close();
});

it('leaves out a line with a byte that is no UTF-8, and no other', async () => {
  const run = newRun();
  const { metrics } = runPaths(run);
  addMetrics(run, [1]);
  appendFileSync(metrics, Buffer.of(0xff, 0x7b, 0x0a));
  addMetrics(run, [2]);
  appendFileSync(metrics, Buffer.of(0xff, 0x00));
  assert.deepEqual(stepsOf(readMetrics(run)), [1, 2]);
  (await startMetrics(run, 9)).close();
  assert.equal(readFileSync(metrics, 'utf8'), [1, 2].map((step) => `${JSON.stringify(metricsOf(step))}\n`).join(''));
});
