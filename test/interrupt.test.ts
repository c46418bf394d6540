import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-interrupt-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const sizes = [
  'model.hidden_size=16',
  'model.intermediate_size=16',
  'model.moe_intermediate_size=8',
  'data.sequence_length=16',
];
// A constant learning rate, so that runs of different lengths have the same curve.
const constant = ['optimizer.minimum_learning_rate=2e-3', 'train.evaluate_every=0'];
const small = ['train', ...[...sizes, ...constant].flatMap((value) => ['--set', value])];

function losses(run: string): { step: number; loss: number }[] {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const { step, loss } = JSON.parse(line) as { step: number; loss: number };
    return { step, loss };
  });
}

describe('Ctrl-C', () => {
  it('stops after a step with a checkpoint and exit code 130; resuming gives the curve of an undisturbed run', async () => {
    const run = join(folder, 'stopped');
    const child = spawn(process.execPath, ['bin/doubletrack.js', ...small, '--steps', '100000', '--out', run], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let heard = '';
    for await (const chunk of child.stderr) {
      heard += String(chunk);
      if (/^step \d+\//m.test(heard) && !child.killed) child.kill('SIGINT');
    }
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
    assert.equal(code, 130, heard);
    const stopped = losses(run).length;
    assert.ok(stopped >= 1);
    const more = stopped + 3;
    assert.match(heard, /^run .* · watch: node bin\/doubletrack\.js serve --run /);
    const [, goOn] = /\ngo on: node bin\/doubletrack\.js (train --resume .*)\n$/.exec(heard) ?? [];
    assert.equal(goOn, `train --resume ${run}`, heard);
    const resumed = await runCommand(`${goOn} --steps ${more}`);
    assert.equal(resumed.status, 0, resumed.stderr);
    const undisturbed = join(folder, 'undisturbed');
    await runCommand(`${small.join(' ')} --steps ${more} --out ${undisturbed}`);
    assert.deepEqual(losses(run), losses(undisturbed));
  });
});

describe('other signals', () => {
  it('stop a run like Ctrl-C, and ending it twice changes nothing', async () => {
    const run = join(folder, 'ended');
    const child = spawn(process.execPath, ['bin/doubletrack.js', ...small, '--steps', '100000', '--out', run], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let heard = '';
    let isSent = false;
    for await (const chunk of child.stderr) {
      heard += String(chunk);
      if (/^step \d+\//m.test(heard) && !isSent) isSent = child.kill('SIGTERM');
      if (/SIGTERM was sent/.test(heard)) child.kill('SIGTERM');
    }
    const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
    assert.equal(code, 143, heard);
    assert.ok(existsSync(join(run, 'summary.json')));
    assert.ok(existsSync(join(run, 'checkpoints', String(losses(run).length))), heard);
  });

  it('end the process at once before the first step, though its thread is blocked', {
    skip: process.platform === 'win32' && 'there are no named pipes',
  }, async () => {
    const text = join(folder, 'pipe');
    assert.equal(spawnSync('mkfifo', [text]).status, 0);
    const run = join(folder, 'never-begun');
    const set = ['--set', `data.text=${text}`];
    const child = spawn(process.execPath, ['bin/doubletrack.js', ...small, ...set, '--out', run], { stdio: 'ignore' });
    // This waits until the other end is open: from now on the process waits for text.
    const pipe = await open(text, 'w');
    child.kill('SIGINT');
    const end = await once(child, 'exit');
    await pipe.close();
    assert.deepEqual(end, [null, 'SIGINT']);
    assert.ok(!existsSync(join(run, 'checkpoints', '0')));
  });
});
