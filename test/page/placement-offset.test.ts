import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type PageServer, servePage } from '../../src/web/index.js';
import { runCommand } from '../run-command.js';
import { assertAccessible, openPage, skipWithoutBrowser } from './browser.js';

describe('the first layer with experts in the view Placement', { skip: skipWithoutBrowser }, () => {
  let server: PageServer;
  before(async () => {
    server = await servePage({ port: 0 });
  });
  after(async () => await server.close());

  it('is asked for where a file needs it, until it is given, also as 0', async () => {
    const { page, problems, close } = await openPage(`${server.address}#/placement?loads=example`);
    const warning = page.getByText(/^warning: the layer offset is unknown.*"First layer with experts" 3/);
    await warning.waitFor();
    const field = page.getByLabel('First layer with experts');
    assert.equal(await field.inputValue(), '');
    await assertAccessible(page);
    await field.fill('3');
    await page.getByText(/^rows 0-2 of the file have the trivial map/).waitFor();
    assert.equal(await warning.count(), 0);
    await field.fill('0');
    await page.waitForURL(/offset=0/);
    await page.getByText(/^rows 0-2/).waitFor({ state: 'detached' });
    assert.equal(await warning.count(), 0);
    await page.locator('[data-part=result][aria-busy=false]').waitFor();
    const waiting = page.waitForEvent('download');
    await page.getByRole('button', { name: /^Download placement/ }).click();
    const chunks: Buffer[] = [];
    for await (const chunk of await (await waiting).createReadStream()) chunks.push(Buffer.from(chunk as Uint8Array));
    const line = 'balance examples/loads.json --gpus 8 --slots 72 --layer-offset 0 --format sglang';
    assert.equal(Buffer.concat(chunks).toString(), (await runCommand(line)).stdout);
    await field.fill('');
    await warning.waitFor();
    assert.doesNotMatch(page.url(), /offset/);
    assert.deepEqual(problems, []);
    await close();
  });
});
