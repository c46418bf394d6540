import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { readJson, readToml } from '../../src/formats/index.js';
import { type Plan, planColumns, planRates, readBasis, searchLayouts } from '../../src/plan/index.js';
import { type PageServer, servePage } from '../../src/web/index.js';
import {
  assertAccessible,
  assertFits,
  isInSight,
  openPage,
  openSettings,
  type PageOptions,
  skipWithoutBrowser,
} from './browser.js';

const narrowed = '#/planner?schedule=dualpipe&pipeline=16&expert=64&microbatch=1';
const config = (name: string) => readFileSync(join('configs', name), 'utf8');

/** What the narrowed example finds, as the command would. */
function searchInNode() {
  const read = readBasis(
    { model: 'configs/deepseek-v3.json', cluster: 'configs/h800-2048.toml' },
    {
      readJson: (path) => readJson(path, { maxBytes: 2 ** 20 }),
      readToml,
      resolve: (path, inFile) => join(inFile, '..', path),
    },
  );
  const request = {
    sequencesPerStep: 15_360,
    sequenceLength: 4096,
    schedule: 'dualpipe',
    pipeline: 16,
    expert: 64,
    microbatchSize: 1,
  } as const;
  return { ...read, request, result: searchLayouts(read.basis, request) };
}

const plansOf = (page: Page) => page.getByRole('region', { name: 'Predicted plans, the fastest first' });
const firstRow = (page: Page) => plansOf(page).getByRole('row').nth(1);
const search = (page: Page) => page.getByText(/layouts predicted in/);

/** Gives files through the view's own button. */
async function give(page: Page, files: readonly { readonly name: string; readonly text: string }[]): Promise<void> {
  const payload = files.map(({ name, text }) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) }));
  const chooser = page.waitForEvent('filechooser');
  await page.getByRole('button', { name: 'Choose a file' }).click();
  await (await chooser).setFiles(payload);
}

let server: PageServer;
before(async () => {
  server = await servePage({ port: 0 });
});
after(async () => await server.close());

/** Opens an address of the view, and holds it to having nothing to complain of. */
async function visit(hash: string, check: (page: Page) => Promise<void>, options?: PageOptions): Promise<void> {
  const { page, problems, close } = await openPage(`${server.address}${hash}`, options);
  await check(page);
  assert.deepEqual(problems, []);
  await close();
}

describe('a search of the view Planner', { skip: skipWithoutBrowser }, () => {
  it('begins with DeepSeek-V3 on 2,048 H800, and says how far the search is', async () => {
    await visit('#/planner', async (page) => {
      await page.getByRole('progressbar', { name: 'Searching layouts' }).waitFor();
      await assertAccessible(page);
      await page.getByText('deepseek-v3.json', { exact: true }).waitFor();
      await page.getByText('h800-2048.toml', { exact: true }).waitFor();
      await search(page).waitFor({ timeout: 120_000 });
      assert.equal(await plansOf(page).getByRole('row').count(), 11);
      await page.getByText('256 nodes x 8 GPUs').waitFor();
    });
  });

  it('shows the figures that the same search has outside of the page', async () => {
    const expected = searchInNode();
    await visit(narrowed, async (page) => {
      await search(page).waitFor();
      const shown = await page.evaluate(`[...document.querySelectorAll('.plans tbody tr')].map(
      (row) => [...row.children].map((cell) => cell.textContent))`);
      const keys = [
        'step',
        'mfu',
        'gpuHours',
        'memory',
        'bubble',
        'pipeline',
        'expert',
        'data',
        'microbatches',
      ] as const;
      const rows = expected.result.plans.slice(0, 10).map((plan, index) => {
        const texts = keys.map((key) => planColumns[key].text(plan, planRates(expected, plan)));
        return [`${index + 1}. dualpipe`, 'open', ...texts, plan.recomputation, String(plan.communicationSms)];
      });
      assert.ok(rows.length > 0);
      assert.deepEqual(shown, rows);
    });
  });

  it('opens a plan in Schedules with the time that it was predicted with', async () => {
    const { breakdown, stepSeconds } = searchInNode().result.plans[0] as Plan;
    await visit(narrowed, async (page) => {
      await plansOf(page).getByRole('link', { name: 'open 1. dualpipe in Schedules' }).click();
      await page.getByRole('main', { name: 'Schedules' }).waitFor();
      const makespan = stepSeconds - breakdown.reduce - breakdown.optimizer;
      const figures = page.getByRole('region', { name: 'Figures of dualpipe' });
      await figures.getByText('Makespan').waitFor();
      const text = await figures.locator('div', { hasText: 'Makespan' }).locator('dd').first().textContent();
      assert.equal(text, `${makespan.toFixed(1)} s`);
    });
  });
});

describe('a search of the view Planner that is stopped', { skip: skipWithoutBrowser }, () => {
  it('is cancelled and begun again, and the page answers meanwhile', async () => {
    await visit(`#/planner?sequences=61440`, async (page) => {
      await page.getByRole('progressbar', { name: 'Searching layouts' }).waitFor();
      await page.getByRole('slider', { name: 'Plans in the table, slider' }).focus();
      await page.keyboard.press('ArrowRight');
      assert.equal(await page.getByRole('spinbutton', { name: 'Plans in the table' }).inputValue(), '11');
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('The search was cancelled').waitFor();
      await assertAccessible(page);
      await page.getByRole('combobox', { name: 'Schedule' }).selectOption('dualpipe');
      await page.getByRole('combobox', { name: 'Pipeline ranks' }).selectOption('16');
      await search(page).waitFor();
      await page.getByRole('spinbutton', { name: 'Sequences a step' }).fill('61440');
      await page.getByRole('combobox', { name: 'Schedule' }).selectOption('all');
      await page.getByRole('button', { name: 'Cancel' }).click();
      await page.getByText('those of the search before, for deepseek-v3.json on h800-2048.toml').waitFor();
      assert.ok((await plansOf(page).getByRole('row').count()) > 1);
      // Facts are of the file that was given, plans of the files before, which they say.
      const half = config('h800-2048.toml')
        .replace('count = 256', 'count = 128')
        .replace(/^calibration = .*$/m, '');
      await give(page, [{ name: 'half.toml', text: half }]);
      await page.getByText('128 nodes x 8 GPUs').waitFor();
      await page.getByText('those of the search before, for deepseek-v3.json on h800-2048.toml').waitFor();
      const calibration = page.getByRole('checkbox', { name: 'Calibration' });
      assert.ok((await calibration.isDisabled()) && !(await calibration.isChecked()));
      await assertAccessible(page);
    });
  });
});

it('gives every part of a bar of the view Planner a colour of its own', { skip: skipWithoutBrowser }, async () => {
  await visit(narrowed, async (page) => {
    await search(page).waitFor();
    const bars = (await page.evaluate(`[...document.querySelectorAll('.stacked-bar')].map(
      (bar) => [...bar.children].map((part) => getComputedStyle(part).backgroundColor))`)) as string[][];
    assert.equal(bars.length, 2);
    for (const colours of bars) {
      assert.ok(!colours.includes('rgba(0, 0, 0, 0)'), colours.join(' '));
      assert.equal(new Set(colours).size, colours.length);
    }
  });
});

describe('what is chosen in the view Planner', { skip: skipWithoutBrowser }, () => {
  it('keeps what is chosen in its address, and shows it from there', async () => {
    let address = '';
    await visit(narrowed, async (page) => {
      await search(page).waitFor();
      await page.getByRole('checkbox', { name: 'Calibration' }).uncheck();
      await page.getByText('Times are predicted from first principles').waitFor();
      await plansOf(page).getByRole('button', { name: '2. dualpipe' }).click();
      await page.getByRole('heading', { name: 'Plan 2. dualpipe' }).waitFor();
      await page.waitForURL(/plan=2/);
      address = new URL(page.url()).hash;
    });
    await visit(address, async (page) => {
      await page.getByRole('heading', { name: 'Plan 2. dualpipe' }).waitFor();
      assert.equal(await page.getByRole('checkbox', { name: 'Calibration' }).isChecked(), false);
      assert.equal(await page.getByRole('combobox', { name: 'Expert ranks' }).inputValue(), '64');
    });
  });

  it('shows the example with all that is wrong in an address, says so, and leaves it out when asked', async () => {
    const bad = `${narrowed}&sequences=-1&length=x&plans=1e9&plan=99&colour=red`;
    await visit(bad, async (page) => {
      await search(page).waitFor();
      const notice = page.getByRole('status').filter({ hasText: 'Part of the address means nothing here' });
      const said = await notice.getByRole('listitem').allTextContents();
      assert.deepEqual(said.sort(), [
        'colour=red is nothing that this view knows',
        'length=x is no whole number from 1 to 16777216: 4096 is shown',
        'plan=99 is no whole number from 1 to 10: 1 is shown',
        'plans=1e9 is no whole number from 1 to 50: 10 is shown',
        'sequences=-1 is no whole number from 1 to 1000000000: 15360 is shown',
      ]);
      await assertAccessible(page);
      assert.equal(await page.getByRole('spinbutton', { name: 'Sequences a step' }).inputValue(), '15360');
      await page.getByRole('heading', { name: 'Plan 1. dualpipe' }).waitFor();
      await notice.getByRole('button').click();
      await page.waitForURL(/#\/planner\?expert=64&microbatch=1&pipeline=16&schedule=dualpipe$/);
      assert.equal(await notice.count(), 0);
    });
  });
});

describe('files in the view Planner', { skip: skipWithoutBrowser }, () => {
  it('refuses a bad file with one message, and goes on with what it had', async () => {
    await visit(narrowed, async (page) => {
      await search(page).waitFor();
      const before = await firstRow(page).textContent();
      await give(page, [{ name: 'own.toml', text: config('h800-2048.toml').replace('count = 256', 'count = 0') }]);
      await page.getByRole('alert').waitFor();
      assert.match((await page.getByRole('alert').textContent()) ?? '', /count is 0.*own\.toml, \[nodes\].*mend/i);
      await assertAccessible(page);
      assert.ok(await isInSight(page.getByRole('alert')));
      await give(page, [{ name: 'huge.json', text: ' '.repeat(3 * 2 ** 20) }]);
      await page.getByRole('alert').getByText('more than 2.00 MiB').waitFor();
      assert.equal(await page.getByRole('alert').count(), 1);
      assert.equal(await firstRow(page).textContent(), before);
    });
  });

  it('plans for files of one’s own, and goes back to the example', async () => {
    await visit(narrowed, async (page) => {
      await search(page).waitFor();
      const before = await firstRow(page).textContent();
      await give(page, [{ name: 'half.toml', text: config('h800-2048.toml').replace('count = 256', 'count = 128') }]);
      await page.getByText('128 nodes x 8 GPUs').waitFor();
      await page.getByText('half.toml', { exact: true }).waitFor();
      await search(page).waitFor();
      assert.notEqual(await firstRow(page).textContent(), before);
      await page.getByRole('button', { name: 'Back to the example' }).click();
      await page.getByText('256 nodes x 8 GPUs').waitFor();
      await search(page).waitFor();
      assert.equal(await firstRow(page).textContent(), before);
    });
  });

  it('takes what is given while files before it are being checked on top of those', async () => {
    await visit(narrowed, async (page) => {
      await search(page).waitFor();
      await give(page, [{ name: 'half.toml', text: config('h800-2048.toml').replace('count = 256', 'count = 128') }]);
      await give(page, [{ name: 'own.json', text: config('deepseek-v3.json') }]);
      await page.getByText('own.json', { exact: true }).waitFor();
      await page.getByText('half.toml', { exact: true }).waitFor();
    });
  });

  it('says what would help where nothing fits, or a count cannot be', async () => {
    await visit(`#/planner?pipeline=128`, async (page) => {
      await page.getByText('No layout fits').waitFor();
      await page.getByText('use a smaller “Pipeline ranks”: 62 layers make no more stages').waitFor();
      await assertAccessible(page);
      await assertFits(page);
      await page.goto(`${server.address}#/planner?pipeline=7`);
      await page.getByRole('alert').getByText('7 does not divide the 2048 GPUs').waitFor();
      await assertAccessible(page);
      await page.getByRole('combobox', { name: 'Pipeline ranks' }).selectOption('16');
      await search(page).waitFor();
    });
  });
});

describe('the view Planner', { skip: skipWithoutBrowser }, () => {
  it('is used by keyboard from the fields to a plan', async () => {
    await visit(narrowed, async (page) => {
      await search(page).waitFor();
      const reached: string[] = [];
      await page.getByRole('spinbutton', { name: 'Sequences a step' }).focus();
      const nameOfFocus = `(() => { const on = document.activeElement; return on.ariaLabel ?? on.labels?.[0]?.textContent ?? on.textContent; })()`;
      for (let step = 0; step < 16 && !reached.includes('2. dualpipe'); step++) {
        reached.push((await page.evaluate(nameOfFocus)) as string);
        await page.keyboard.press('Tab');
      }
      const path = ['Sequence length', 'Schedule', 'Expert ranks', 'Calibration', 'Choose a file', 'Search again'];
      for (const name of [...path, '1. dualpipe', 'open 1. dualpipe in Schedules', '2. dualpipe'])
        assert.ok(reached.includes(name), `${name}: ${reached.join(', ')}`);
      await page.keyboard.press('Shift+Tab');
      await page.keyboard.press('Enter');
      await page.getByRole('heading', { name: 'Plan 2. dualpipe' }).waitFor();
    });
  });

  for (const theme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      it(`can be used by anyone, ${theme} and ${width} pixels wide`, async () => {
        const check = async (page: Page) => {
          await search(page).waitFor();
          if (width < 900) await openSettings(page);
          await assertAccessible(page);
          await assertFits(page);
        };
        await visit(narrowed, check, { width, theme });
      });
    }
  }
});
