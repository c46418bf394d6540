import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { runCommand } from '../run-command.js';
import { tinyModel } from '../tiny-model.js';
import { openPage, skipWithoutBrowser } from './browser.js';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-static-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const run = join(folder, 'run');

/** A run of three steps, that is over. */
async function trainRun(): Promise<void> {
  const config = join(folder, 'tiny.toml');
  writeFileSync(
    join(folder, 'book.txt'),
    'Call me Ishmael. Some years ago, never mind how long precisely. '.repeat(60),
  );
  writeFileSync(config, `${tinyModel}[data]\ntext = "book.txt"\nsequence_length = 16\n[train]\nsteps = 3\n`);
  const { status, stderr } = await runCommand(`train ${config} --out ${run}`);
  assert.equal(status, 0, stderr);
}

describe('the page on a web host', { skip: skipWithoutBrowser }, () => {
  const asked: string[] = [];
  let host: Server;
  let address: string;
  before(async () => {
    await trainRun();
    // A host that knows nothing but files, and has the page in a subfolder.
    host = createServer(({ url = '' }, response) => {
      asked.push(url);
      const [, path] = /^\/tools\/page\/([\w./-]*)$/.exec(url) ?? [];
      const name = path === '' ? 'index.html' : path;
      if (name === undefined || name.includes('..')) {
        response.writeHead(404).end();
        return;
      }
      response.writeHead(200, { 'content-type': types[extname(name)] ?? 'application/octet-stream' });
      response.end(readFileSync(join('dist', 'page', name)));
    }).listen(0, '127.0.0.1');
    await once(host, 'listening');
    address = `http://127.0.0.1:${(host.address() as AddressInfo).port}/tools/page/`;
  });
  after(() => {
    host.closeAllConnections();
    host.close();
  });

  it('works but for live runs, and asks its host for nothing but the files of the page', async () => {
    const { page, problems, close } = await openPage(address);
    await page.getByText('This page lies on a web host, which sees no training').waitFor();
    const show = async (route: string) => await page.goto(`${address}#/${route}`);
    await page.getByRole('navigation').getByRole('link', { name: 'Schedules' }).click();
    await page.getByText(/ ends .+ earlier than /).waitFor();
    await show('placement?loads=example');
    await page.locator('[data-part=result][aria-busy=false]').waitFor();
    await show('planner?schedule=dualpipe&pipeline=16&expert=64');
    await page.getByText(/layouts predicted in/).waitFor();
    await show('run');
    await page.locator('input[type=file]').last().setInputFiles(run);
    await page.getByText('3 of 3').waitFor();
    await page.getByRole('heading', { name: 'Timeline of step 3' }).waitFor();
    assert.deepEqual(problems, []);
    assert.deepEqual(
      asked.filter((url) => !url.startsWith('/tools/page/')),
      [],
    );
    assert.deepEqual(
      asked.filter((url) => url.includes('api')),
      [],
    );
    await close();
  });
});
