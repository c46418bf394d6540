import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { skipMpi } from '../src/comm/mpi/test-mpiexec.js';
import {
  parseTimeline,
  readExpertLoads,
  readStepRecord,
  readTrainingConfig,
  type StepMetrics,
} from '../src/formats/index.js';
import { listLoadFiles, listTimelines, predictRun, readMetrics, runPaths, timelinePath } from '../src/train/index.js';
import { runCommand } from './run-command.js';
import { tinyModel } from './tiny-model.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-run-folder-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, 'tiny.toml');
writeFileSync(
  config,
  `${tinyModel}[data]
sequence_length = 16
[parallel]
pipeline = 2
expert = 2
[schedule]
microbatches = 4
microbatch_size = 2
[optimizer]
bias_update_speed = 0
[train]
steps = 12
save_every = 6
evaluate_every = 0
[balance]
redundant_slots = 2
interval = 4
move_cost = 1e-6
`,
);

/** The steps whose timelines a run's folder holds; each must say of itself what the metrics do, and show as exposed what they count. */
function checkTimelines(run: string, isMpi = false): number[] {
  const metrics = new Map(readMetrics(run).lines.map((line) => [line.step, line]));
  const steps = listTimelines(run);
  for (const step of steps) {
    const timeline = parseTimeline(readFileSync(timelinePath(run, step), 'utf8'), timelinePath(run, step));
    const line = metrics.get(step) as StepMetrics;
    assert.deepEqual([timeline.step, timeline.seconds], [step, line.seconds]);
    for (const [rank, events] of timeline.ranks.entries()) {
      const exposed = events.filter(({ kind }) => kind === 'exposed');
      const sum = exposed.reduce((total, { start, end }) => total + end - start, 0);
      const counted = line.exposedCommunicationSeconds[rank]!;
      assert.ok(Math.abs(sum - counted) <= 1e-7 * exposed.length, `step ${step} rank ${rank}: ${sum}, not ${counted}`);
      const end = Math.max(...events.map((event) => event.end));
      // Clocks of threads differ a little, and other processes measure from their own start of the step to their own end.
      assert.ok(
        end <= timeline.seconds + 1e-3 || (isMpi && rank > 0),
        `step ${step} rank ${rank} ends at ${end} of ${timeline.seconds} s`,
      );
    }
  }
  return steps;
}

const run = join(folder, 'whole');

it('the folder of a run holds timelines whose exposed communication is that of the metrics, also of the last step and where experts moved', async () => {
  const { status, stdout, stderr } = await runCommand(`train ${config} --out ${run} --json`);
  assert.equal(status, 0, stderr);
  const steps = checkTimelines(run);
  assert.equal(steps[0], 1);
  assert.equal(steps.at(-1), 12);
  const moved = readMetrics(run).lines.find(({ migration }) => migration !== undefined);
  if (moved !== undefined) assert.ok(steps.includes(moved.step), `step ${moved.step} is not one of ${steps}`);
  const { run: place, sample, ...summary } = JSON.parse(stdout) as Record<string, unknown>;
  assert.equal(place, run);
  assert.equal(typeof sample, 'string');
  assert.deepEqual(JSON.parse(readFileSync(runPaths(run).summary, 'utf8')), summary);
});

it('the folder of a run holds no timeline beyond the step that a resumed run goes on from, and no summary until it ends', async () => {
  const resumed = join(folder, 'resumed');
  cpSync(run, resumed, { recursive: true });
  rmSync(join(runPaths(resumed).checkpoints, '12'), { recursive: true });
  // What lies beyond step 6 is of the run that was cut off.
  for (const step of listTimelines(resumed)) if (step > 6) writeFileSync(timelinePath(resumed, step), 'old');
  const more = ['--steps', '100000', '--set', 'train.save_every=0'];
  const child = spawn(process.execPath, ['bin/doubletrack.js', 'train', '--resume', resumed, ...more]);
  const isAnew = () => {
    const steps = listTimelines(resumed).filter((step) => step > 6);
    return steps.length > 0 && readFileSync(timelinePath(resumed, steps[0]!), 'utf8') !== 'old';
  };
  try {
    while (!isAnew()) await setTimeout(5);
    assert.ok(!existsSync(runPaths(resumed).summary));
    assert.ok(
      listTimelines(resumed).every((step) => step <= 6 || readFileSync(timelinePath(resumed, step)).length > 3),
    );
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  const second = await runCommand(`train --resume ${resumed} --steps 9`);
  assert.equal(second.status, 0, second.stderr);
  const steps = checkTimelines(resumed);
  assert.equal(steps.at(-1), 9);
  assert.ok(steps.includes(1) && steps.includes(7));
  assert.ok(existsSync(runPaths(resumed).summary));
});

it('the folder of a run is whole at any time: a run that is killed leaves metrics, timelines, a record and loads that can be read', async () => {
  const killed = join(folder, 'killed');
  const sets = ['train.steps=100000', 'train.save_every=0', 'balance.interval=0'].flatMap((value) => ['--set', value]);
  const child = spawn(process.execPath, ['bin/doubletrack.js', 'train', config, '--out', killed, ...sets]);
  const { stepRecord } = runPaths(killed);
  try {
    // Of a run so long no step counts as warm before the 11th.
    while (!existsSync(stepRecord) || listLoadFiles(killed).length === 0 || listTimelines(killed).length < 3)
      await setTimeout(5);
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  const { lines, isAnew } = readMetrics(killed);
  assert.ok(lines.length > 10 && !isAnew);
  const last = lines.at(-1)!.step;
  // A step is shown before its line is written.
  rmSync(timelinePath(killed, last + 1), { force: true });
  checkTimelines(killed);
  const predicted = predictRun(readStepRecord(stepRecord), readTrainingConfig(runPaths(killed).config, []));
  assert.ok(predicted.simulation.makespan > 0);
  const { loads } = await readExpertLoads(runPaths(killed).loads);
  assert.ok(loads.windows >= 1 && loads.windows <= last + 1);
  assert.ok(!existsSync(runPaths(killed).summary));
});

it('the folder of a run holds the same over MPI', { skip: skipMpi }, async () => {
  const mpi = join(folder, 'mpi');
  const command = ['-n', '4', process.execPath, 'bin/doubletrack.js', 'train', config, '--out', mpi];
  const child = spawn('mpiexec.mpich', command, { stdio: 'ignore', timeout: 1_200_000 });
  assert.deepEqual(await once(child, 'close'), [0, null]);
  const steps = checkTimelines(mpi, true);
  assert.deepEqual([steps[0], steps.at(-1)], [1, 12]);
  assert.ok(existsSync(runPaths(mpi).summary));
});
