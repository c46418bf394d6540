import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, it } from 'node:test';
import { runCommand } from './run-command.js';
import { tinyModel } from './tiny-model.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-keeping-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const config = join(folder, 'tiny.toml');
const text = join(folder, 'text.txt');
writeFileSync(text, 'It is not down on any map; true places never are. '.repeat(20));
writeFileSync(
  config,
  `${tinyModel}num_hidden_layers = 2
[data]
text = "text.txt"
sequence_length = 8
[parallel]
pipeline = 1
[schedule]
name = "1f1b"
microbatches = 1
microbatch_size = 1
[optimizer]
minimum_learning_rate = 2e-3
[train]
steps = 6
save_every = 2
evaluate_every = 0
`,
);

/** A run of 6 steps with checkpoints 2, 4 and 6, which is not changed. */
const whole = join(folder, 'whole');
before(async () => {
  const { status, stderr } = await runCommand(`train ${config} --out ${whole}`);
  assert.equal(status, 0, stderr);
});

let copies = 0;
function copyRun(): string {
  const run = join(folder, `copy-${copies++}`);
  cpSync(whole, run, { recursive: true });
  return run;
}

const checkpointsOf = (run: string) => readdirSync(join(run, 'checkpoints')).sort();
const inCheckpoint = (run: string, step: number, file: string) => join(run, 'checkpoints', String(step), file);

/** What is the same in every run with the same seed, by line. */
function curve(run: string): unknown[] {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const { step, loss, gradNorm } = JSON.parse(line) as Record<string, unknown>;
    return { step, loss, gradNorm };
  });
}

/** Every file with its content, and every folder. */
function contentOf(place: string): Map<string, string> {
  const names = readdirSync(place, { recursive: true }).map(String).sort();
  return new Map(
    names.map((name) => [
      name,
      statSync(join(place, name)).isFile() ? readFileSync(join(place, name), 'latin1') : 'a folder',
    ]),
  );
}

function changeByte(file: string, position: number): void {
  const bytes = readFileSync(file);
  bytes[position] ^= 0x40;
  writeFileSync(file, bytes);
}

it('a run folder is left without a lock and anything temporary, and has a line of history for its start', () => {
  assert.deepEqual(
    readdirSync(whole).filter((name) => name === 'lock' || name.startsWith('.')),
    [],
  );
  const [start, ...more] = readFileSync(join(whole, 'history.jsonl'), 'utf8').trim().split('\n');
  assert.equal(more.length, 0);
  const { step, changed, version, config: values } = JSON.parse(start) as Record<string, Record<string, unknown>>;
  assert.deepEqual([step, changed, typeof version], [1, {}, 'string']);
  assert.equal(values['train.save_every'], 2);
});

it('a run folder of another process is refused, before anything is read', async () => {
  const run = join(folder, 'two');
  // Waits for a text that nobody writes.
  const pipe = join(folder, 'pipe');
  execFileSync('mkfifo', [pipe]);
  const child = spawn(process.execPath, [
    'bin/doubletrack.js',
    'train',
    config,
    '--out',
    run,
    '--set',
    `data.text=${pipe}`,
  ]);
  try {
    while (!existsSync(join(run, 'lock'))) await new Promise(setImmediate);
    const { status, stderr } = await runCommand(`train ${config} --out ${run}`);
    assert.equal(status, 2, stderr);
    assert.match(stderr, new RegExp(`^doubletrack: another process \\(pid ${child.pid}\\) trains into it`));
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  // It held nothing but the lock of a process that is gone.
  const { status, stderr } = await runCommand(`train ${config} --out ${run} --steps 1`);
  assert.equal(status, 0, stderr);
});

const strangers: readonly (readonly [string, (place: string) => void])[] = [
  ['loads', (place) => mkdirSync(join(place, 'loads'))],
  ['a link to timelines elsewhere', (place) => symlinkSync(tmpdir(), join(place, 'timelines'))],
  ['metrics', (place) => writeFileSync(join(place, 'metrics.jsonl'), 'mine\n')],
  ['a link that leads nowhere', (place) => symlinkSync('nowhere', join(place, 'history.jsonl'))],
  ['a run', (place) => cpSync(join(whole, 'config.toml'), join(place, 'config.toml'))],
];
for (const [what, put] of strangers)
  it(`a run folder that holds ${what} is no place for a new run, and is left as it was`, async () => {
    const place = mkdtempSync(join(folder, 'stranger-'));
    put(place);
    const names = readdirSync(place);
    const { status, stderr } = await runCommand(`train ${config} --out ${place}`);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^doubletrack: [^\n]+give another --out[^\n]+\n$/);
    assert.deepEqual(readdirSync(place), names);
  });

const bad: readonly (readonly [string, string])[] = [
  ['a file', config],
  ['in a file', join(config, 'run')],
  ['a device', '/dev/null'],
  ['in a folder of the system', '/proc/nothing/run'],
  ['of a name that is too long', join(folder, 'a'.repeat(300))],
  ['of no name', ''],
];
for (const [what, place] of bad)
  it(`a run folder that would be ${what} is refused in one line with exit code 2`, async () => {
    const { status, stderr } = await runCommand(`train ${config} --out ${place}`);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^doubletrack: [^\n]+\([^\n]+\): [^\n]+\n$/);
  });

it('a run folder that was made for a run which cannot begin is taken away again', async () => {
  const { status } = await runCommand(`train ${config} --out ${folder}/a/b/c --set data.text=${folder}/none.txt`);
  assert.equal(status, 2);
  assert.ok(!existsSync(join(folder, 'a')));
});

it('a run that is resumed at its last step says so and changes nothing, and beyond it is refused', async () => {
  const run = copyRun();
  mkdirSync(join(run, 'checkpoints', '.8.1-0123456789ab.tmp'));
  const content = contentOf(run);
  const over = await runCommand(`train --resume ${run} --set train.seed=5`);
  assert.equal(over.status, 0, over.stderr);
  assert.match(over.stderr, /^the run is at step 6 of 6 \(.*\): to go on, give --steps with more/);
  assert.deepEqual(contentOf(run), content);
  const beyond = await runCommand(`train --resume ${run} --steps 5`);
  assert.equal(beyond.status, 2);
  assert.match(beyond.stderr, /is at step 6 already, and is to end at step 5 .*--resume .*checkpoints\/4/);
  assert.deepEqual(contentOf(run), content);
});

it('a run that is resumed without a checkpoint begins anew by its config, as a new run in its folder is told to', async () => {
  const run = copyRun();
  rmSync(join(run, 'checkpoints'), { recursive: true });
  const other = await runCommand(`train ${config} --out ${run}`);
  assert.equal(other.status, 2);
  const [, hint] = /give another --out, or (--resume \S+)$/m.exec(other.stderr) ?? [];
  const { status, stderr } = await runCommand(`train ${hint}`);
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^the run has saved no checkpoint: it begins anew$/m);
  assert.deepEqual(curve(run), curve(whole));
});

it('a run that is resumed with a damaged last checkpoint goes on from the one before, and keeps the damaged one under its name', async () => {
  const run = copyRun();
  changeByte(inCheckpoint(run, 6, 'optimizer.safetensors'), 5000);
  mkdirSync(join(run, 'checkpoints', '.8.1-0123456789ab.tmp'));
  writeFileSync(join(run, '.summary.json.1-0123456789ab.tmp'), 'half');
  const { status, stderr } = await runCommand(`train --resume ${run}`);
  assert.equal(status, 0, stderr);
  assert.match(
    stderr,
    /^checkpoint 6 is not whole: .*6\/optimizer\.safetensors.*goes on from checkpoint 4; it is kept as 6\.damaged$/m,
  );
  assert.deepEqual(curve(run), curve(whole));
  assert.deepEqual(checkpointsOf(run), ['2', '4', '6', '6.damaged']);
  assert.ok(!readdirSync(run).some((name) => name.startsWith('.')));
});

it('a run that is resumed from one of its checkpoints sets later ones aside, so that all is one curve, and says what is changed', async () => {
  const run = copyRun();
  const { status, stderr } = await runCommand(
    `train --resume ${run}/checkpoints/2 --set train.seed=9 --set train.keep_last=1 --steps 5`,
  );
  assert.equal(status, 0, stderr);
  assert.match(stderr, /^changed since the last start: train\.seed 1 -> 9 \(the curve is another one from here on\)$/m);
  assert.match(stderr, /^checkpoint 6 is later than 2.* kept as 6\.cut-off$/m);
  assert.match(stderr, /^steps 3 to 6 came after the checkpoint/m);
  assert.deepEqual(checkpointsOf(run), ['4.cut-off', '5', '6.cut-off']);
  const [own, other] = [curve(run), curve(whole)];
  assert.equal(own.length, 5);
  assert.deepEqual(own.slice(0, 2), other.slice(0, 2));
  assert.notDeepEqual(own[2], other[2]);
  const starts = readFileSync(join(run, 'history.jsonl'), 'utf8').trim().split('\n');
  const { step, changed } = JSON.parse(starts[1]) as Record<string, Record<string, unknown>>;
  assert.equal(step, 3);
  assert.deepEqual(Object.keys(changed), ['train.steps', 'train.seed', 'train.keep_last']);
  assert.deepEqual(changed['train.seed'], { from: 1, to: 9 });
});

const kinds: readonly (readonly [string, (run: string) => void, RegExp])[] = [
  ['cut', (run) => writeFileSync(inCheckpoint(run, 6, 'model.safetensors'), 'x'), /6\/model\.safetensors/],
  ['without a file', (run) => rmSync(inCheckpoint(run, 6, 'model.safetensors')), /6\/model\.safetensors/],
  ['of another config', (run) => changeByte(inCheckpoint(run, 6, 'config.json'), 9), /6\/config\.json/],
  [
    'of another step by its training.json',
    (run) => {
      const file = inCheckpoint(run, 6, 'training.json');
      writeFileSync(file, readFileSync(file, 'utf8').replace('"step":6', '"step":3'));
    },
    /6\/training\.json/,
  ],
  [
    'with a pipe',
    (run) => {
      rmSync(inCheckpoint(run, 6, 'optimizer.safetensors'));
      execFileSync('mkfifo', [inCheckpoint(run, 6, 'optimizer.safetensors')]);
    },
    /pipe.*6\/optimizer\.safetensors/,
  ],
  [
    'a file',
    (run) => {
      rmSync(join(run, 'checkpoints', '6'), { recursive: true });
      writeFileSync(join(run, 'checkpoints', '6'), '');
    },
    /checkpoints\/6/,
  ],
];
for (const [what, damage, message] of kinds)
  it(`a run that is resumed from a checkpoint that is ${what} is refused by its name, and nothing is changed`, async () => {
    const run = copyRun();
    damage(run);
    const names = readdirSync(run, { recursive: true }).sort();
    const { status, stderr } = await runCommand(`train --resume ${run}/checkpoints/6 --steps 8`);
    assert.equal(status, 2, stderr);
    assert.match(stderr, /^doubletrack: [^\n]+\n$/);
    assert.match(stderr, message);
    assert.deepEqual(readdirSync(run, { recursive: true }).sort(), names);
  });

it('a run that is resumed whose last checkpoint was renamed is refused with its right name, and goes on under that', async () => {
  const run = copyRun();
  renameSync(join(run, 'checkpoints', '6'), join(run, 'checkpoints', '99'));
  const { status, stderr } = await runCommand(`train --resume ${run} --steps 100`);
  assert.equal(status, 2);
  const [, from, to] = /checkpoint 99 is of step 6 .*: give it its name again: mv (\S+) (\S+)$/m.exec(stderr) ?? [];
  renameSync(from, to);
  assert.match((await runCommand(`train --resume ${run}`)).stderr, /at step 6 of 6/);
});

it('a copy of a checkpoint under a step that it is not of is refused, and moved away as told the run goes on', async () => {
  const run = copyRun();
  const checkpoints = join(run, 'checkpoints');
  cpSync(join(checkpoints, '6'), join(checkpoints, '99'), { recursive: true });
  const { status, stderr } = await runCommand(`train --resume ${run} --steps 100`);
  assert.equal(status, 2);
  const [, from, to] = /checkpoint 99 is of step 6 .*: mv (\S+) (\S+)$/m.exec(stderr) ?? [];
  renameSync(from, join(to, basename(from)));
  assert.match((await runCommand(`train --resume ${run}`)).stderr, /at step 6 of 6/);
});

it('a run that is resumed with a model of other sizes is refused by its keys, and nothing is changed', async () => {
  const run = copyRun();
  const content = contentOf(run);
  const { status, stderr } = await runCommand(`train --resume ${run} --steps 8 --set model.num_hidden_layers=1`);
  assert.equal(status, 2, stderr);
  assert.match(stderr, /other sizes than that of the checkpoint: model\.num_hidden_layers 2 -> 1 /);
  assert.deepEqual(contentOf(run), content);
});
