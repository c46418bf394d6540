import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { lockRun } from './run-lock.js';
import { runPaths } from './run-paths.js';

const parent = mkdtempSync(join(tmpdir(), 'run-lock-'));
after(() => rmSync(parent, { recursive: true }));
const newRun = () => mkdtempSync(join(parent, 'run-'));

type Holder = Record<string, unknown>;

/** The lock that this process would write, with some of it changed. */
async function writeLock(run: string, change: Holder): Promise<string> {
  const own = await lockRun(run);
  const holder = JSON.parse(readFileSync(runPaths(run).lock, 'utf8')) as Holder;
  own.release();
  const text = JSON.stringify({ ...holder, token: 'another', ...change });
  writeFileSync(runPaths(run).lock, text);
  return text;
}

/** The number of a process that is gone. */
function endedPid(): number {
  return spawnSync(process.execPath, ['-e', '']).pid;
}

it('a lock is held until it is given back, and leaves nothing', async () => {
  const run = newRun();
  const lock = await lockRun(run);
  await assert.rejects(lockRun(run), {
    name: 'InputError',
    message: `another process (pid ${process.pid}) trains into it (${run}): wait for its end or end it, or give another --out`,
  });
  lock.check();
  lock.release();
  lock.release();
  assert.deepEqual(readdirSync(run), []);
  (await lockRun(run)).release();
});

it('of many who want a lock at once one gets it', async () => {
  const run = newRun();
  await writeLock(run, { pid: endedPid() });
  const all = await Promise.allSettled(Array.from({ length: 8 }, () => lockRun(run)));
  const taken = all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  assert.equal(taken.length, 1);
  taken[0].release();
  assert.deepEqual(readdirSync(run), []);
});

it('the lock of a process that is gone is taken over: ended, of before a start of the machine, or of a number that another process has now', async () => {
  const changes: Holder[] = [{ pid: endedPid() }, { boot: 'another' }];
  // Elsewhere the system does not say when a process began.
  if (existsSync('/proc/self/stat')) changes.push({ processStart: '1' });
  for (const change of changes) {
    const run = newRun();
    await writeLock(run, change);
    (await lockRun(run)).release();
    assert.deepEqual(readdirSync(run), [], JSON.stringify(change));
  }
});

it('the lock of another machine or container is refused with how to mend it, and following that mends it', async () => {
  for (const change of [{ host: 'elsewhere' }, { machine: 'another' }, { pidNamespace: 'another', pid: 1 }]) {
    const run = newRun();
    const text = await writeLock(run, change);
    const { lock } = runPaths(run);
    await assert.rejects(lockRun(run), (error: Error) => {
      assert.equal(error.name, 'InputError');
      assert.ok(error.message.includes(`remove ${lock}`), error.message);
      return true;
    });
    assert.equal(readFileSync(lock, 'utf8'), text);
    rmSync(lock);
    (await lockRun(run)).release();
  }
});

it('what is no lock of this program is left alone', async () => {
  for (const text of ['', 'mine', '{"pid":-1}', '[]']) {
    const run = newRun();
    writeFileSync(runPaths(run).lock, text);
    await assert.rejects(lockRun(run), {
      name: 'InputError',
      message: /no.* that this program wrote.*remove the file lock/,
    });
    assert.equal(readFileSync(runPaths(run).lock, 'utf8'), text);
  }
  const run = newRun();
  mkdirSync(runPaths(run).lock);
  await assert.rejects(lockRun(run), { name: 'InputError' });
});

it('a process whose lock was removed and taken by another finds so, and leaves the other its lock', async () => {
  const run = newRun();
  const first = await lockRun(run);
  rmSync(runPaths(run).lock);
  first.check();
  const second = await lockRun(run);
  assert.throws(() => first.check(), { name: 'WorkError', message: /has taken the run's lock/ });
  first.release();
  second.check();
  second.release();
});
