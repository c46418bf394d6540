import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { formatCsv, generateSchedule } from '../../src/schedule/index.js';
import { simulate } from '../../src/simulate/index.js';
import { type PageServer, servePage } from '../../src/web/index.js';
import {
  defaultSchedulesState,
  exportPicture,
  formatRoute,
  type SchedulesState,
  schedulesRoute,
  tryPicture,
} from '../../src/web/view/index.js';
import {
  assertAccessible,
  assertFits,
  isInSight,
  type OpenedPage,
  openPage,
  openSettings,
  type PageOptions,
  skipWithoutBrowser,
  until,
} from './browser.js';

/** Makespan of a schedule on the page, as it writes it. */
async function readFigure(page: Page, schedule: string, figure: string): Promise<string> {
  const figures = page.getByRole('region', { name: `Figures of ${schedule}`, exact: true });
  return await readText(figures.locator('dt', { hasText: figure }).locator('xpath=following-sibling::dd'));
}

/** What all canvases show. */
async function readPixels(page: Page): Promise<readonly string[]> {
  return (await page.evaluate('[...document.querySelectorAll("canvas")].map((one) => one.toDataURL())')) as string[];
}

/** How far down the window the first of these in each panel begins. */
async function topsOf(page: Page, selector: string): Promise<readonly number[]> {
  return (await page.evaluate(`[...document.querySelectorAll('.panel')].flatMap((panel) => {
    const part = [...document.querySelectorAll(${JSON.stringify(selector)})].find((one) => panel.contains(one));
    return part === undefined ? [] : [part.getBoundingClientRect().top];
  })`)) as number[];
}

async function readText(place: Locator): Promise<string> {
  return (await place.textContent()) ?? '';
}

/** Drops a file on what has the label. */
async function dropFile(page: Page, label: string, { name, text }: { readonly name: string; readonly text: string }) {
  const dataTransfer = await page.evaluateHandle(
    `(() => {
      const transfer = new DataTransfer();
      transfer.items.add(new File([${JSON.stringify(text)}], ${JSON.stringify(name)}, { type: 'text/csv' }));
      return transfer;
    })()`,
  );
  await page.getByRole('group', { name: label }).dispatchEvent('drop', { dataTransfer });
}

async function download(page: Page, button: string): Promise<{ readonly name: string; readonly text: string }> {
  const started = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  const file = await started;
  return { name: file.suggestedFilename(), text: readFileSync(await file.path(), 'utf8') };
}

let server: PageServer;
before(async () => {
  server = await servePage({ port: 0 });
});
after(async () => await server.close());

/** The view with some of its defaults changed. */
async function open(changes: Partial<SchedulesState> = {}, options: PageOptions = {}): Promise<OpenedPage> {
  const parameters = schedulesRoute({ ...defaultSchedulesState, ...changes });
  const opened = await openPage(`${server.address}${formatRoute({ view: 'schedules', parameters })}`, options);
  await opened.page.locator('canvas, [role=alert]').first().waitFor();
  return opened;
}

async function finish({ problems, close }: OpenedPage): Promise<void> {
  assert.deepEqual(problems, []);
  await close();
}

describe('the view Schedules', { skip: skipWithoutBrowser }, () => {
  it('opens with two schedules on one scale of time, and says how they differ', async () => {
    const opened = await open();
    const { page } = opened;
    assert.equal(await page.locator('canvas').count(), 2);
    assert.match(
      await readText(page.locator('[data-part=difference]')),
      /^dualpipev ends \d+\.\d% earlier than 1f1b, but its fullest rank holds 1\.06 times the activations\.$/,
    );
    const before = await readPixels(page);
    await page.getByLabel('The same time scale for both').uncheck();
    const after = await readPixels(page);
    assert.notEqual(after[0], before[0]);
    assert.equal(after[1], before[1]);
    await finish(opened);
  });

  it('shows them beside each other where that is chosen and there is room', async () => {
    const tops = async (page: Page) => {
      const panels = [/^dualpipev: /, /^1f1b: /].map((name) => page.getByRole('region', { name }));
      return await Promise.all(panels.map(async (panel) => (await panel.boundingBox())?.y));
    };
    const opened = await open();
    const { page } = opened;
    const [above, below] = await tops(page);
    assert.ok(above! < below!);
    await page.getByLabel('Beside each other').check();
    await page.waitForURL(/layout=beside/);
    await until(async () => new Set(await tops(page)).size === 1);
    // Each part lies beside the other schedule's, though only one legend takes two lines.
    for (const part of ['canvas', '.legend', '.memory', '.memory + .memory', 'details']) {
      const [first, second] = await topsOf(page, `.schedule-pair > .panel ${part}`);
      assert.ok(Math.abs(first! - second!) < 1, `${part}: ${first} and ${second}`);
    }
    await assertAccessible(page);
    await page.setViewportSize({ width: 390, height: 800 });
    await until(async () => new Set(await tops(page)).size === 2);
    await finish(opened);
  });
});

describe('what is chosen in the view Schedules', { skip: skipWithoutBrowser }, () => {
  it('is drawn anew with every step of a slider', async () => {
    const opened = await open({ second: undefined, ranks: 4, microbatches: 8 });
    const { page } = opened;
    const before = await readPixels(page);
    const slider = page.getByLabel('Message between ranks, slider');
    await slider.focus();
    await page.keyboard.press('End');
    const { picture } = tryPicture(
      { chosen: defaultSchedulesState.first, counts: { ranks: 4, microbatches: 8 } },
      { ...defaultSchedulesState.times, p2p: 1 },
    );
    assert.equal(await readFigure(page, 'dualpipev', 'Makespan'), String(picture?.simulation.makespan));
    assert.notDeepEqual(await readPixels(page), before);
    await page.getByLabel('Ranks', { exact: true }).fill('3');
    await page.getByRole('heading', { name: 'dualpipev: 3 ranks, 6 stages, 8 microbatches' }).waitFor();
    await finish(opened);
  });

  it('stands in its address, so that a link shows the same', async () => {
    const opened = await open();
    const { page } = opened;
    await page.getByLabel('Schedule', { exact: true }).selectOption('interleaved');
    await page.getByLabel('Schedule: stages of a rank', { exact: true }).fill('4');
    await page.getByLabel('Beside it').selectOption('dualpipe');
    await page.getByLabel('Microbatches', { exact: true }).fill('24');
    await page.getByLabel('Overlapped pair, of its parts', { exact: true }).fill('0.6');
    await page.getByLabel('Memory of rank', { exact: true }).fill('3');
    await page.getByRole('button', { name: 'Zoom in' }).first().click();
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await page.getByRole('button', { name: 'Copy a link to this' }).click();
    await page.getByText('Copied').waitFor();
    const link = (await page.evaluate('navigator.clipboard.readText()')) as string;
    await page.waitForURL(link);
    const other = await openPage(link);
    await other.page.locator('canvas').first().waitFor();
    for (const schedule of ['interleaved v=4', 'dualpipe']) {
      for (const figure of ['Makespan', 'Bubble', 'Most activations'])
        assert.equal(await readFigure(other.page, schedule, figure), await readFigure(page, schedule, figure));
    }
    await other.page.getByText('Activations of rank 3').first().waitFor();
    // What the pointer rests on is not part of the link.
    await page.mouse.move(0, 0);
    assert.deepEqual(await readPixels(other.page), await readPixels(page));
    await finish(other);
    await finish(opened);
  });
});

describe('files of the view Schedules', { skip: skipWithoutBrowser }, () => {
  it('gives schedules as files: a picture, what PyTorch reads, and a trace', async () => {
    const opened = await open();
    const { page } = opened;
    const { ranks, microbatches, times, first } = defaultSchedulesState;
    const { picture } = tryPicture({ chosen: first, counts: { ranks, microbatches } }, times);
    assert.ok(picture !== undefined);
    const csv = await download(page, 'CSV of dualpipev');
    assert.deepEqual(csv, {
      name: 'dualpipev-8x20.csv',
      text: formatCsv(generateSchedule({ name: 'dualpipev', ranks, microbatches })),
    });
    assert.equal((await download(page, 'Trace of dualpipev')).text, exportPicture(picture, 'trace').text);
    assert.equal((await download(page, 'SVG of dualpipev')).text, exportPicture(picture, 'svg').text);
    assert.equal((await download(page, 'CSV of 1f1b')).name, '1f1b-8x20.csv');
    await finish(opened);
  });

  it('opens a file that PyTorch wrote, and refuses a bad one with one message', async () => {
    const opened = await open();
    const { page } = opened;
    const schedule = generateSchedule({ name: 'zb-h1', ranks: 3, microbatches: 5 });
    const zone = "Drop a schedule's CSV here";
    await dropFile(page, zone, { name: 'bad.csv', text: '0F0,0F1\r\nno schedule\r\n' });
    assert.match(await readText(page.getByRole('alert')), /bad\.csv, row 2, cell 1/);
    assert.ok(await isInSight(page.getByRole('alert')));
    assert.equal(await page.getByRole('alert').count(), 1);
    assert.equal(await page.locator('canvas').count(), 2);
    await dropFile(page, zone, { name: 'mine.csv', text: formatCsv(schedule) });
    await page.getByRole('heading', { name: 'mine: 3 ranks, 3 stages, 5 microbatches' }).waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    const { makespan } = simulate(schedule, { forward: 1, backwardInput: 1, backwardWeight: 1, p2p: 0.1 });
    assert.equal(await readFigure(page, 'mine', 'Makespan'), String(Number(makespan.toPrecision(6))));
    // The other schedule has as many ranks and microbatches as the file.
    await page.getByRole('heading', { name: '1f1b: 3 ranks, 3 stages, 5 microbatches' }).waitFor();
    await assertAccessible(page);
    await page.getByRole('button', { name: 'Close the file' }).click();
    await page.getByRole('heading', { name: 'dualpipev: 8 ranks' }).waitFor();
    await page.getByText('Or paste it').click();
    await page.getByRole('textbox', { name: "A schedule's CSV" }).fill('0B0,0F0');
    await page.getByRole('button', { name: 'Open what is pasted' }).click();
    assert.match(await readText(page.getByRole('alert')), /The schedule cannot run/);
    await assertAccessible(page);
    await finish(opened);
  });
});

it('shows the file that was given last in the view Schedules, though one before takes longer to read', {
  skip: skipWithoutBrowser,
}, async () => {
  const opened = await open();
  const { page } = opened;
  await page.evaluate(`(() => {
    const { text } = File.prototype;
    File.prototype.text = function () {
      const own = text.call(this);
      return this.name === 'slow.csv' ? new Promise((resolve) => { window.giveSlow = () => resolve(own); }) : own;
    };
  })()`);
  const zone = "Drop a schedule's CSV here";
  const csvOf = (ranks: number) => formatCsv(generateSchedule({ name: 'zb-h1', ranks, microbatches: 5 }));
  await dropFile(page, zone, { name: 'slow.csv', text: csvOf(4) });
  await dropFile(page, zone, { name: 'quick.csv', text: csvOf(3) });
  await page.getByRole('heading', { name: 'quick: 3 ranks, 3 stages, 5 microbatches' }).waitFor();
  await page.evaluate('window.giveSlow()');
  await page.getByRole('spinbutton', { name: 'Forward', exact: true }).fill('2');
  await page.getByRole('heading', { name: 'quick: 3 ranks, 3 stages, 5 microbatches' }).waitFor();
  assert.equal(await page.getByRole('heading', { name: 'slow: ' }).count(), 0);
  await finish(opened);
});

describe('what does not go at once in the view Schedules', { skip: skipWithoutBrowser }, () => {
  it('says what fits where counts do not, and takes that at a click', async () => {
    const first = { name: 'dualpipe', stagesPerRank: 2 } as const;
    const opened = await open({ first, ranks: 7, microbatches: 9, isBeside: true });
    const { page } = opened;
    const notice = page.getByRole('alert');
    // Its lines stay together, beside a picture of any height.
    const [box, other] = [
      await notice.boundingBox(),
      await page.getByRole('region', { name: /^1f1b: / }).boundingBox(),
    ];
    assert.equal(box?.y, other?.y);
    assert.ok(box!.height < other!.height / 2, `${box!.height} beside ${other!.height}`);
    assert.match(await readText(notice), /dualpipe needs a number of ranks that divides by 2[\s\S]*use 6 or 8/);
    assert.equal(await page.locator('canvas').count(), 1);
    await assertAccessible(page);
    await notice.getByRole('button', { name: 'Use 8 ranks and 16 microbatches' }).click();
    await page.getByRole('heading', { name: 'dualpipe: 8 ranks, 16 stages, 16 microbatches' }).waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    await finish(opened);
  });

  it('searches a schedule in the background, which can be stopped and begun again', async () => {
    const auto = { name: 'auto', stagesPerRank: 2 } as const;
    const opened = await open({ first: auto, ranks: 2, microbatches: 4 });
    const { page } = opened;
    const notice = page.getByRole('status').filter({ hasText: 'searched for these times' });
    await page.getByRole('button', { name: 'Cancel' }).click();
    assert.equal(await notice.count(), 0);
    await assertAccessible(page);
    await page.getByRole('button', { name: 'Search again' }).click();
    await page.getByRole('heading', { name: 'auto: 2 ranks' }).waitFor();
    await page.getByText('No order on any placement that was tried').waitFor();
    assert.match(await readText(page.locator('[data-part=difference]')), /^auto ends \d+\.\d% earlier than 1f1b/);
    await finish(opened);
  });

  it('stays usable with a schedule of 64 ranks and 512 microbatches', async () => {
    const opened = await open({ second: undefined, ranks: 64, microbatches: 511 });
    const { page } = opened;
    await page.getByLabel('Microbatches', { exact: true }).fill('512');
    await page.getByRole('heading', { name: 'dualpipev: 64 ranks, 128 stages, 512 microbatches' }).waitFor();
    await page.getByLabel('Ranks', { exact: true }).fill('512');
    assert.match(await readText(page.getByRole('alert')), /chunks are too many for the page/);
    await finish(opened);
  });
});

describe('the view Schedules, for everyone', { skip: skipWithoutBrowser }, () => {
  it('shows times of each stage from a plan, and goes back to sliders', async () => {
    const list = [0.012, 0.013, 0.012, 0.014];
    const times = { kind: 'stages', forward: list, backwardInput: list, backwardWeight: list, p2p: 0.001 } as const;
    const opened = await open({ second: undefined, ranks: 2, microbatches: 8, times });
    const { page } = opened;
    const table = page.getByRole('region', { name: 'Times of each stage' }).last();
    assert.match(await readText(table), /14\.0 ms/);
    assert.match(await readFigure(page, 'dualpipev', 'Makespan'), / ms$/);
    await assertAccessible(page);
    await page.getByRole('button', { name: 'Use sliders' }).click();
    assert.equal(await page.getByLabel('Forward', { exact: true }).inputValue(), '1');
    await finish(opened);
  });

  it('is used by keyboard: an event is chosen and read out', async () => {
    const opened = await open({ second: undefined });
    const { page } = opened;
    await page.getByRole('application').focus();
    const details = page.locator('[data-part=details]');
    await page.keyboard.press('ArrowRight');
    assert.match(await readText(details), /^rank 0, compute: 0F0 \(forward\), 0\.5 long, from 0 to 0\.5$/);
    await page.keyboard.press('ArrowRight');
    assert.match(await readText(details), /0F1/);
    await page.keyboard.press('ArrowDown');
    assert.match(await readText(details), /rank 0, communication: 0SEND_F/);
    const whole = await readPixels(page);
    await page.keyboard.press('+');
    assert.notDeepEqual(await readPixels(page), whole);
    await page.keyboard.press('0');
    assert.deepEqual(await readPixels(page), whole);
    await finish(opened);
  });

  for (const theme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      it(`is for everyone, ${theme} and ${width} pixels wide`, async () => {
        const opened = await open({}, { width, theme });
        const { page } = opened;
        await page.getByText('Figures of every rank').first().click();
        if (width < 900) await openSettings(page);
        await page.getByText('Or paste it').click();
        await assertAccessible(page);
        await assertFits(page);
        await finish(opened);
      });
    }
  }
});
