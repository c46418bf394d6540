import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openPage, skipWithoutBrowser } from './browser.js';

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

describe('the page on a web host', { skip: skipWithoutBrowser }, () => {
  const asked: string[] = [];
  let host: Server;
  let address: string;
  before(async () => {
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

  it('says what a host cannot show, and asks it for nothing but the files of the page', async () => {
    const { page, problems, close } = await openPage(address);
    await page.getByText('This page lies on a web host, which sees no training').waitFor();
    for (const view of ['Schedules', 'Placement', 'Planner']) {
      await page.getByRole('navigation').getByRole('link', { name: view }).click();
      await page.getByRole('main', { name: view }).waitFor();
      await page.waitForLoadState('networkidle');
    }
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
