import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const program = ['bin/doubletrack.js'];
const schedule = ['schedule', '1f1b', '--ranks', '2', '--microbatches', '2'];

describe('doubletrack --version', () => {
  it('prints the version of the package and that of Node, by either name', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly version: string };
    for (const flag of ['--version', '-v']) {
      const { status, stdout, stderr } = await runCommand(flag);
      assert.deepEqual([status, stderr], [0, '']);
      assert.equal(stdout, `doubletrack ${version}, node ${process.versions.node}\n`);
    }
  });
});

describe('doubletrack without a command', () => {
  it('prints the help on standard error, as the call is not whole, and nothing else', async () => {
    const { stdout: help } = await runCommand('--help');
    const { status, stdout, stderr } = await runCommand('--verbose');
    assert.deepEqual([status, stdout, stderr], [2, '', help]);
    for (const command of ['schedule', 'train', 'serve', 'bench'])
      assert.match(help, new RegExp(`^  ${command} `, 'm'));
  });

  it('suggests a command for one that is misspelled', async () => {
    const { status, stderr } = await runCommand('trian');
    assert.equal(status, 2);
    assert.match(stderr, /^doubletrack: unknown command 'trian' \(Did you mean train\?\)\n$/);
  });
});

describe('standard streams that are lost', () => {
  it('end a command quietly where a reader has seen enough', async () => {
    for (const call of [['train', '--help'], schedule]) {
      const child = spawn(process.execPath, [...program, ...call], { stdio: ['ignore', 'pipe', 'pipe'] });
      child.stdout.destroy();
      let heard = '';
      child.stderr.on('data', (chunk) => {
        heard += String(chunk);
      });
      assert.deepEqual(await once(child, 'close'), [0, null], heard);
      assert.equal(heard, '');
    }
  });

  it('do not end a command that tells its progress to nobody', async () => {
    const call = ['schedule', 'auto', '--ranks', '2', '--microbatches', '2', '--iterations', '1', '--json'];
    const child = spawn(process.execPath, [...program, ...call], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stderr.destroy();
    let printed = '';
    child.stdout.on('data', (chunk) => {
      printed += String(chunk);
    });
    assert.deepEqual(await once(child, 'close'), [0, null]);
    assert.equal((JSON.parse(printed) as { readonly ranks: number }).ranks, 2);
  });

  it('are told in one line where the disk is full', { skip: !existsSync('/dev/full') && 'no /dev/full' }, () => {
    const full = openSync('/dev/full', 'w');
    try {
      const { status, stderr } = spawnSync(process.execPath, [...program, 'train', '--help'], {
        stdio: ['ignore', full, 'pipe'],
        encoding: 'utf8',
      });
      assert.equal(status, 1);
      assert.match(stderr, /^doubletrack: standard output cannot be written: ENOSPC [^\n]+: make room[^\n]+\n$/);
    } finally {
      closeSync(full);
    }
  });
});

/** Runs the program in a shell that sets a limit first. */
function runLimited(limit: string, call: readonly string[]) {
  const shell = `ulimit ${limit} && exec "$0" "$@"`;
  const { status, stdout, stderr } = spawnSync('sh', ['-c', shell, process.execPath, ...program, ...call], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('limits of the system', { skip: process.platform !== 'linux' && 'limits are told on Linux' }, () => {
  it('leave commands that make no ranks alone, where Node itself runs', () => {
    const { status, stderr } = runLimited('-v 2000000', schedule);
    assert.deepEqual([status, stderr], [0, '']);
  });

  it('on memory are told before a training begins, with what it asks for', () => {
    const run = join(tmpdir(), `doubletrack-limited-${process.pid}`);
    const { status, stdout, stderr } = runLimited('-v 8000000', ['train', '--out', run]);
    rmSync(run, { recursive: true, force: true });
    assert.deepEqual([status, stdout], [1, '']);
    assert.match(
      stderr,
      /^doubletrack: 2 ranks need [\d.]+ GiB of addresses, and [\d.]+ GiB are left \(ulimit -v 8000000\): allow more[^\n]+\n$/,
    );
  });

  it('on open files are told in one line, though the program cannot be loaded', () => {
    const { status, stderr } = runLimited('-n 32', schedule);
    assert.equal(status, 1);
    assert.match(stderr, /^doubletrack: [^\n]+EMFILE[^\n]+: allow more open files \(ulimit -n 1024\)\n$/);
  });
});
