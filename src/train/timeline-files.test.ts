import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { parseTimeline, type StepMetrics } from '../formats/index.js';
import type { StepMark } from './kept-steps.js';
import { listTimelines, timelinePath } from './run-folder.js';
import { runPaths } from './run-paths.js';
import { openTimelineFiles } from './timeline-files.js';

const parent = mkdtempSync(join(tmpdir(), 'timeline-files-'));
after(() => rmSync(parent, { recursive: true }));
const newRun = () => mkdtempSync(join(parent, 'run-'));

function write(
  folder: string,
  from: number,
  to: number,
  mark?: (step: number) => StepMark | undefined,
  done = from - 1,
) {
  const files = openTimelineFiles(folder, done, []);
  for (let step = from; step <= to; step++) files.write({ step, start: step, seconds: 1, ranks: [[]] }, mark?.(step));
}

it('holds at any moment the last step and a bounded number of others, and leaves nothing else', () => {
  const run = newRun();
  write(run, 1, 700);
  const steps = listTimelines(run);
  assert.equal(steps.at(-1), 700);
  assert.deepEqual(steps.slice(0, 3), [1, 9, 17]);
  assert.equal(readdirSync(runPaths(run).timelines).length, steps.length);
  assert.equal(parseTimeline(readFileSync(timelinePath(run, 9), 'utf8'), '9').step, 9);
});

it('goes on from a step without what lies beyond it, as if it had not been cut off', () => {
  const [run, whole] = [newRun(), newRun()];
  write(run, 1, 90);
  write(run, 61, 80);
  assert.deepEqual(listTimelines(run).slice(-3), [78, 79, 80]);
  write(whole, 1, 80);
  assert.deepEqual(listTimelines(run), listTimelines(whole));
  write(run, 1, 0, undefined, 0);
  assert.deepEqual(listTimelines(run), []);
});

it('knows of a resumed run in which of its steps something happened', () => {
  const run = newRun();
  write(run, 1, 500, (step) => (step === 150 ? 'migration' : undefined));
  assert.ok(listTimelines(run).includes(150));
  const kept = [{ step: 150, migration: { moves: 1, bytes: 1, seconds: 1, exposedSeconds: 1 } } as StepMetrics];
  const files = openTimelineFiles(run, 500, kept);
  for (let step = 501; step <= 900; step++) files.write({ step, start: step, seconds: 1, ranks: [[]] }, undefined);
  assert.ok(listTimelines(run).includes(150));
});
