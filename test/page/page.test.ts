import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type PageServer, servePage } from '../../src/web/index.js';
import { assertAccessible, assertFits, openPage, skipWithoutBrowser, until } from './browser.js';

const views = ['Run', 'Schedules', 'Placement', 'Planner'] as const;

describe('the page', { skip: skipWithoutBrowser }, () => {
  let server: PageServer;
  before(async () => {
    server = await servePage({ port: 0 });
  });
  after(async () => await server.close());

  it('is reached by keyboard from view to view, shows which one it is on, and says which there is not', async () => {
    const { page, problems, close } = await openPage(server.address);
    for (const view of views) {
      const link = page.getByRole('navigation').getByRole('link', { name: view });
      await link.focus();
      await page.keyboard.press('Enter');
      await page.getByRole('main', { name: view }).waitFor();
      assert.equal(await link.getAttribute('aria-current'), 'page');
      assert.equal(await page.title(), `${view} · doubletrack`);
    }
    await page.goto(`${server.address}#/nosuch?runs=1`);
    await page.getByText('There is no view “nosuch”').waitFor();
    await page.getByText('Run is shown in its place').waitFor();
    await page.waitForURL(/#\/run$/);
    await assertAccessible(page);
    assert.deepEqual(problems, []);
    await close();
  });

  it('is printed in light colours, and shown in its own again', async () => {
    const { page, problems, close } = await openPage(server.address, { theme: 'dark' });
    const theme = async () => await page.evaluate('document.documentElement.dataset.theme');
    await until(async () => (await theme()) === 'dark');
    await page.emulateMedia({ media: 'print' });
    await until(async () => (await theme()) === 'light');
    await page.emulateMedia({ media: 'screen' });
    await until(async () => (await theme()) === 'dark');
    assert.deepEqual(problems, []);
    await close();
  });

  for (const theme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      it(`has views that anyone can use, ${theme} and ${width} pixels wide`, async () => {
        const { page, problems, close } = await openPage(server.address, { width, theme });
        for (const view of views) {
          await page.getByRole('navigation').getByRole('link', { name: view }).click();
          await page.getByRole('main', { name: view }).waitFor();
          await page.waitForLoadState('networkidle');
          await assertAccessible(page);
          await assertFits(page);
        }
        assert.deepEqual(problems, []);
        await close();
      });
    }
  }
});
