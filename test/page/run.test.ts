import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Page } from 'playwright-core';
import { type PageServer, servePage } from '../../src/web/index.js';
import { runCommand } from '../run-command.js';
import { assertAccessible, assertFits, openPage, skipWithoutBrowser, until } from './browser.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-page-run-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const runs = join(folder, 'runs');
const config = join(folder, 'tiny.toml');

writeFileSync(join(folder, 'book.txt'), 'Call me Ishmael. Some years ago, never mind how long precisely. '.repeat(60));
writeFileSync(
  config,
  `
[model]
hidden_size = 16
intermediate_size = 16
moe_intermediate_size = 8
num_hidden_layers = 2
first_k_dense_replace = 0
n_routed_experts = 8
num_experts_per_tok = 2
[data]
text = "book.txt"
sequence_length = 16
[parallel]
pipeline = 1
expert = 2
[schedule]
microbatches = 4
microbatch_size = 2
[optimizer]
bias_update_speed = 0
[train]
steps = 24
evaluate_every = 8
[balance]
redundant_slots = 4
interval = 4
move_cost = 1e-9
`,
);

async function train(name: string, ...sets: string[]): Promise<void> {
  const flags = ['train', config, '--out', join(runs, name), ...sets.flatMap((set) => ['--set', set])];
  const { status, stderr } = await runCommand(flags.join(' '));
  assert.equal(status, 0, stderr);
}

function addressOf(running: PageServer | undefined): string {
  assert.ok(running !== undefined);
  return running.address;
}

/** The figure of a name in the summary. */
async function figure(page: Page, name: string): Promise<string> {
  const place = page.locator('dl.figures > div').filter({ has: page.getByText(name, { exact: true }) });
  return (await place.locator('dd').first().textContent()) ?? '';
}

let server: PageServer | undefined;
before(async () => {
  if (skipWithoutBrowser !== false) return;
  await train('first');
  await train('second', 'train.seed=7', 'train.steps=12');
  server = await servePage({ port: 0, runs: [runs] });
});
after(async () => await server?.close());

/** Goes through what the keys of a timeline do. */
async function usesTimelineByKeyboard(page: Page): Promise<void> {
  const timeline = page.getByRole('application', { name: /Step 24 as measured/ });
  await timeline.focus();
  await page.keyboard.press('ArrowRight');
  await page.getByText(/^rank 0, compute: .+ long, from/).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.getByText(/^rank 0, communication: .+ long, from/).waitFor();
  await page.keyboard.press('w');
  await page.waitForURL(/window=/);
  await page.keyboard.press('/');
  await page.keyboard.type('experts backward');
  await page.keyboard.press('Enter');
  await page.getByText(/^1 of \d+$/).waitFor();
  await page.getByText(/^rank \d, compute: experts of layer \d, backward for/).waitFor();
  await timeline.focus();
  await page.keyboard.press('n');
  await page.getByText(/^2 of \d+$/).waitFor();
  await page.keyboard.press('Shift+ArrowRight');
  await page.getByRole('table', { name: /^Sum of .+ on rank \d, from/ }).waitFor();
  await page.keyboard.press('m');
  await page.getByRole('table', { name: /^Sum of .+ on ranks 0 to 1, from/ }).waitFor();
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys of the timeline' }).waitFor();
  await assertAccessible(page);
  await page.keyboard.press('Escape');
  await timeline.focus();
  await page.keyboard.press('Escape');
  await page.getByRole('table', { name: /^Sum of/ }).waitFor({ state: 'detached' });
  await page.getByText(/^rank \d, compute: experts/).waitFor({ state: 'detached' });
}

describe('a run that is over', { skip: skipWithoutBrowser }, () => {
  it('is shown: where it stands, its curves, timelines, shares and loads', async () => {
    const { page, problems, close } = await openPage(`${addressOf(server)}#/run?runs=first`);
    await page.getByText('the run is over').waitFor();
    await page.getByText('24 of 24').waitFor();
    for (const title of [
      'Curves',
      'Timeline of step 24',
      'Where the time of step 24 went',
      'Load of experts over time',
    ])
      await page.getByRole('heading', { name: title }).waitFor();
    await page.getByText('As the first placement would have it').waitFor();
    await page.getByText('Predicted by the simulator').first().waitFor();
    const lines = readFileSync(join(runs, 'first', 'metrics.jsonl'), 'utf8')
      .trim()
      .split('\n');
    const last = JSON.parse(lines.at(-1)!) as { readonly loss: number };
    assert.match(await figure(page, 'loss'), new RegExp(`^${last.loss.toFixed(4)}`));
    assert.deepEqual(problems, []);
    await close();
  });

  it('tells by keyboard what an event of a timeline, a cell of a heat map and a step of a curve are', async () => {
    const { page, problems, close } = await openPage(`${addressOf(server)}#/run?runs=first`);
    await usesTimelineByKeyboard(page);
    await page.getByRole('application', { name: /Load of the experts of layer 0/ }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText(/^expert 0, step \d+: \d+\.\d\dx the mean$/).waitFor();
    await page.getByRole('application', { name: /^Loss/ }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('step 1', { exact: true }).first().waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('has another run laid over it, and a link shows the same', async () => {
    const { page, problems, close } = await openPage(`${addressOf(server)}#/run?runs=first`);
    await page.getByRole('checkbox', { name: 'second' }).check();
    await page.getByText(/^second training \d/).waitFor();
    await page.getByRole('cell', { name: '7', exact: true }).waitFor();
    await page.getByRole('slider', { name: 'Smoothing' }).fill('0.6');
    await page.getByText(/^second training \d\.\d+ \(not smoothed \d\.\d+\)$/).waitFor();
    await page.getByRole('combobox', { name: 'Over' }).selectOption('tokens');
    await page.getByRole('checkbox', { name: 'Logarithmic' }).check();
    await page.getByRole('application', { name: /^Norm of the gradient/ }).focus();
    await page.keyboard.press('+');
    await page.waitForURL(/curves=\d.*log=1&runs=first%2Csecond&smooth=0.6&x=tokens$/);
    await page.getByRole('slider', { name: /^Step/ }).fill('0');
    await page.waitForURL(/runs=first%2Csecond.*step=1&x=tokens$/);
    await page.getByRole('heading', { name: 'Timeline of step 1', exact: true }).waitFor();
    const link = page.url();
    await page.getByRole('combobox', { name: 'Run', exact: true }).selectOption('second');
    await page.waitForURL(/runs=second/);
    await page.getByText('12 of 12').waitFor();
    const other = await openPage(link);
    await other.page.getByText(/^second training \d\.\d+ \(not smoothed/).waitFor();
    await other.page.getByRole('heading', { name: 'Timeline of step 1', exact: true }).waitFor();
    await other.page.getByRole('button', { name: 'Whole curves' }).waitFor();
    assert.deepEqual([...problems, ...other.problems], []);
    await Promise.all([close(), other.close()]);
  });
});

/**
 * What somebody points at or has chosen in a timeline that is followed stays while steps come, and following goes on
 * afterwards.
 */
async function staysWhileLookedAt(
  page: Page,
  { stepOf, drawn }: Readonly<Record<'stepOf' | 'drawn', () => Promise<number>>>,
): Promise<void> {
  const chart = page.getByRole('application', { name: /^Step \d+ as measured/ });
  const details = page.locator('.chart', { has: chart }).locator('[data-part=details] [role=status]');
  const outlasts = async () => {
    const [step, told, seen] = [await drawn(), await details.textContent(), await stepOf()];
    assert.match(told ?? '', /^rank \d, .+ long, from/);
    await until(async () => (await stepOf()) > seen + 3);
    await page.getByText(/stays while you look/).waitFor();
    assert.deepEqual([await drawn(), await details.textContent()], [step, told]);
    return step;
  };
  const isTold = async () => (await details.textContent()) !== '';
  const pointAtEvent = async () => {
    await chart.scrollIntoViewIfNeeded();
    await page.mouse.move(0, 0);
    await until(async () => !(await isTold()));
    const { x, y, width } = (await chart.boundingBox())!;
    for (let right = 60; !(await isTold()) && right < width; right += 10) {
      await page.mouse.move(x + right, y + 40);
      await page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');
    }
  };
  await pointAtEvent();
  await outlasts();
  await pointAtEvent();
  await page.mouse.down();
  await page.mouse.up();
  await page.mouse.move(0, 0);
  const step = await outlasts();
  await page.keyboard.press('Escape');
  await until(async () => (await drawn()) > step);
  assert.equal(await isTold(), false);
  await chart.focus();
  await page.keyboard.press('ArrowRight');
  await outlasts();
  await page.locator('.chart', { has: chart }).getByRole('button', { name: 'Clear' }).click();
  await until(async () => (await drawn()) > step);
}

describe('a run that goes on', { skip: skipWithoutBrowser }, () => {
  it('is followed without loading the page again', async () => {
    const { page, problems, close } = await openPage(addressOf(server));
    await page.getByRole('combobox', { name: 'Run', exact: true }).waitFor();
    const flags = ['train', config, '--out', join(runs, 'third'), '--set', 'train.steps=100000'];
    const training = spawn(process.execPath, ['bin/doubletrack.js', ...flags], { stdio: 'ignore' });
    const ended = once(training, 'exit');
    try {
      // A run that begins is listed last, and is what the page shows unless something else was chosen.
      await page.getByText('of 100000').waitFor();
      const stepOf = async () => Number((await figure(page, 'step')).split(' ')[0]);
      const seen = await stepOf();
      await until(async () => (await stepOf()) > seen + 20);
      await page.getByRole('heading', { name: /^Timeline of step/ }).waitFor();
      const drawn = async () => Number(await page.locator('output[for=timeline-step]').textContent());
      const first = await drawn();
      await until(async () => (await drawn()) > first);
      await staysWhileLookedAt(page, { stepOf, drawn });
      training.kill('SIGINT');
      await ended;
      assert.deepEqual(problems, []);
    } finally {
      training.kill('SIGKILL');
      await close();
    }
  });
});

describe('the view of runs', { skip: skipWithoutBrowser }, () => {
  it('says so when the server goes, and goes on when it is back', async () => {
    const own = await servePage({ port: 0, runs: [runs] });
    const { page, close } = await openPage(`${own.address}#/run?runs=second`);
    await page.getByText('12 of 12').waitFor();
    await own.close();
    await page.getByText('The server does not answer').first().waitFor();
    const again = await servePage({ port: Number(new URL(own.address).port), runs: [runs] });
    await page.getByText('The server does not answer').first().waitFor({ state: 'detached' });
    assert.match(await figure(page, 'step'), /^12 of 12/);
    await again.close();
    await close();
  });

  it('has clear words where there is no run, no step, or nothing that is one', async () => {
    const empty = await servePage({ port: 0, runs: [join(folder, 'nothing-yet')] });
    const { page, problems, close } = await openPage(empty.address);
    await page.getByText('There is no run yet').waitFor();
    await page.goto(`${empty.address}#/run?runs=nope&step=banana`);
    await page.getByText('There is no run nope', { exact: true }).waitFor();
    await page.getByText('step=banana is no whole number of 0 or more: it is left out').waitFor();
    assert.equal(await page.getByRole('heading', { name: 'Curves' }).count(), 0);
    await page.getByRole('button', { name: 'Leave that out of the address' }).click();
    await page.getByText(/^step=banana/).waitFor({ state: 'detached' });
    await page.locator('input[type=file]').first().setInputFiles(join(folder, 'book.txt'));
    await page.getByRole('alert').getByText('There is no run in it').waitFor();
    await assertAccessible(page);
    await page.locator('input[type=file]').last().setInputFiles(join(runs, 'second'));
    await page.getByText('12 of 12').waitFor();
    await page.getByRole('heading', { name: 'Timeline of step 12' }).waitFor();
    assert.equal(await page.getByRole('alert').count(), 0);
    assert.deepEqual(problems, []);
    await close();
    await empty.close();
  });

  for (const theme of ['light', 'dark'] as const) {
    for (const width of [1280, 390]) {
      it(`can be used by anyone, ${theme} and ${width} pixels wide`, async () => {
        const address = `${addressOf(server)}#/run?runs=first,second`;
        const { page, problems, close } = await openPage(address, { width, theme });
        await page.getByText('Predicted by the simulator').first().waitFor();
        await page.getByRole('application', { name: /Load of ranks as measured/ }).waitFor();
        await assertAccessible(page);
        await assertFits(page);
        assert.deepEqual(problems, []);
        await close();
      });
    }
  }
});
