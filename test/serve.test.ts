import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-serve-'));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, 'runs', 'one'), { recursive: true });
writeFileSync(join(folder, 'runs', 'one', 'config.toml'), '');

const program = join(process.cwd(), 'bin', 'doubletrack.js');
const running: ChildProcess[] = [];
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts the command in the test's folder, and gives what it printed first. */
async function serve(...flags: string[]) {
  const child = spawn(process.execPath, [program, 'serve', ...flags], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.push(child);
  const [printed] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, printed: printed.toString() };
}

/** The status of a request with a Host header of its own. */
async function statusOf(address: string, host: string, method = 'GET'): Promise<number | undefined> {
  const sent = request(`${address}api/runs`, { method, headers: { host } });
  sent.end();
  const [{ statusCode }] = (await once(sent, 'response')) as [{ statusCode?: number }];
  return statusCode;
}

const listing = { runs: [{ id: 'one', folder: join('runs', 'one') }], leftOut: 0 };

describe('doubletrack serve', () => {
  it('prints the address of a page that only this machine reaches, and ends with Ctrl-C', async () => {
    const { child, printed } = await serve();
    assert.match(printed, /^http:\/\/127\.0\.0\.1:\d+\/\n$/);
    const address = printed.trim();
    assert.match(await (await fetch(address)).text(), /<title>doubletrack<\/title>/);
    // Without --run, the runs of the working directory.
    assert.deepEqual(await (await fetch(`${address}api/runs`)).json(), listing);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [130, null]);
  });

  it('prints one JSON document with --json', async () => {
    const { child, printed } = await serve('--json', '--run', join('runs', 'one'));
    const { address } = JSON.parse(printed) as { readonly address: string };
    assert.deepEqual(await (await fetch(`${address}api/runs`)).json(), listing);
    child.kill('SIGINT');
    await once(child, 'exit');
  });

  it('ends although a page still listens', async () => {
    const { child, printed } = await serve();
    const events = await fetch(`${printed.trim()}api/events?run=one`);
    assert.equal(events.status, 200);
    child.kill('SIGINT');
    assert.deepEqual(await once(child, 'exit'), [130, null]);
    await events.body?.cancel().catch(() => undefined);
  });

  it('answers no other name and no request that would change anything', async () => {
    const { child, printed } = await serve();
    const address = printed.trim();
    assert.equal(await statusOf(address, 'evil.example'), 421);
    assert.equal(await statusOf(address, 'localhost'), 200);
    assert.equal(await statusOf(address, 'localhost', 'POST'), 405);
    child.kill('SIGINT');
    await once(child, 'exit');
  });

  it('says in one line what is wrong with a call', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { readonly port: number };
    const calls: readonly [string, RegExp][] = [
      [`--port ${port}`, /the port is taken \(127\.0\.0\.1, port \d+\): use another --port/],
      ['--port 70000', /'70000' is no whole number from 0 to 65535 \(--port\)/],
      ['--host 192.0.2.1', /this machine does not have that address/],
      [`--run ${join(folder, 'none')}`, /there is no such folder \(.*none\)/],
      [`--run ${program}`, /it is a file/],
    ];
    for (const [flags, expected] of calls) {
      const { status, stdout, stderr } = await runCommand(`serve ${flags}`);
      assert.equal(status, 2, flags);
      assert.equal(stdout, '');
      assert.match(stderr, expected);
      assert.equal(stderr.trim().split('\n').length, 1);
    }
    taken.close();
  });
});
