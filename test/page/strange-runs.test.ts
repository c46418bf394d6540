import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { formatTimeline, type StepMetrics } from '../../src/formats/index.js';
import { type PageServer, servePage } from '../../src/web/index.js';
import { formatRunIds } from '../../src/web/view/index.js';
import { assertAccessible, openPage, skipWithoutBrowser, until } from './browser.js';

const runs = mkdtempSync(join(tmpdir(), 'doubletrack-strange-'));
after(() => rmSync(runs, { recursive: true, force: true }));

const metricsOf = (step: number, rest: Partial<StepMetrics> = {}): StepMetrics => ({
  step,
  loss: 1 / step,
  gradNorm: 1,
  learningRate: 1e-3,
  tokens: 8,
  seconds: 0.5,
  tokensPerSecond: 100,
  computeSeconds: [0.4, 0.4],
  communicationSeconds: [0, 0],
  exposedCommunicationSeconds: [0.05, 0.05],
  idleSeconds: [0.05, 0.05],
  balancedness: 1,
  rankBalancedness: 1,
  rankLoads: [8, 4],
  expertSeconds: [0.1, 0.1],
  moves: 0,
  ...rest,
});
const textOf = (list: readonly unknown[]) => list.map((line) => `${JSON.stringify(line)}\n`).join('');
const firstSteps = textOf([1, 2, 3, 4].map((step) => metricsOf(step)));
const event = { lane: 'compute', kind: 'forward', label: 'attention', start: 0, end: 0.1, chunks: [] } as const;
const timeline = formatTimeline({ step: 4, start: 0, seconds: 0.5, ranks: [[event], [event]] });
const config = '[parallel]\npipeline = 1\nexpert = 2\n';

/** Writes a run: its metrics, and other files by their paths in it. */
function writeRun(name: string, metrics: string, files: Readonly<Record<string, string>> = {}): void {
  const folder = join(runs, name);
  for (const path of ['timelines', 'loads']) mkdirSync(join(folder, path), { recursive: true });
  const all = { 'metrics.jsonl': metrics, 'config.toml': config, 'timelines/4.json': timeline, ...files };
  for (const [path, text] of Object.entries(all)) writeFileSync(join(folder, path), text);
}

let server: PageServer | undefined;
before(async () => {
  server = await servePage({ port: 0, runs: [runs] });
});
after(async () => await server?.close());
const pageOf = async (...names: string[]) =>
  await openPage(`${server?.address}#/run?runs=${encodeURIComponent(formatRunIds(names))}`);

/** A step that would take minutes, and more memory than there is, to be predicted. */
const longStep = JSON.stringify({
  version: 1,
  schedule: { name: '1f1b', ranks: 1, microbatches: 2 ** 20 },
  expert: 1,
  overlap: true,
  transport: 'threads',
  layers: [{ first: 0, end: 1 }],
  steps: 1,
  stepSeconds: 1,
  tailSeconds: 0,
  message: { sendSeconds: 0, transferSeconds: 0, receiveSeconds: 0 },
  parts: [{ part: 'layer', layer: 0, forward: [], backward: [] }],
});

describe('a run whose files are not as a run writes them', { skip: skipWithoutBrowser }, () => {
  it('is shown as far as it can be read, with one clear message for each file that cannot', async () => {
    const lines = [
      metricsOf(1),
      { step: 2 },
      null,
      metricsOf(3, { rankLoads: [1, 2, 3], computeSeconds: [] }),
      { ...metricsOf(4), validationLoss: 'low', migration: 7, unmovedRankLoads: { length: 9 } },
    ];
    const good = '{"logical_count":[[[1,2]]],"steps":[4],"layers":[0]}';
    writeRun('bad', `${textOf(lines)}${JSON.stringify(metricsOf(5)).replace('"loss":0.2', '"loss":1e999')}\n`, {
      'config.toml': 'nonsense = [[[',
      'step.json': longStep,
      'timelines/4.json': timeline.replace(/"duration":\[\d+\]/, '"duration":[-5]'),
      'loads/0000001-0000003.json': 'nonsense',
      'loads/0000004-0000004.json': good,
    });
    const { page, problems, close } = await pageOf('bad');
    await page.getByRole('application', { name: /Load of the experts of layer 0/ }).waitFor();
    for (const where of ['config.toml', 'step.json', 'timelines/4.json'])
      await page.getByRole('alert').filter({ hasText: where }).waitFor();
    assert.equal(await page.getByRole('alert').count(), 3);
    assert.match((await page.locator('dl.figures').textContent()) ?? '', /^step4/);
    assert.equal(await page.getByRole('progressbar').count(), 0);
    await assertAccessible(page);
    assert.deepEqual(problems, []);
    await close();
  });

  it('may have any name', async () => {
    const names = ['a, b', '100% #1', 'ünï?cøde&x=y'];
    for (const name of names) writeRun(name, firstSteps);
    const { page, problems, close } = await pageOf(...names);
    await page.getByText('4 of 600').waitFor();
    for (const name of names) await page.getByText(`${name} training 0.250`).waitFor();
    await page.getByRole('checkbox', { name: '100% #1' }).uncheck();
    await page.getByText('100% #1 training').waitFor({ state: 'detached' });
    const again = await openPage(page.url());
    await again.page.getByText('a, b training 0.250').waitFor();
    assert.deepEqual([...problems, ...again.problems], []);
    await Promise.all([close(), again.close()]);
  });
});

describe('runs that go on while they are looked at', { skip: skipWithoutBrowser }, () => {
  it('leave room for what else the page asks, however many are shown', async () => {
    const names = ['six-1', 'six-2', 'six-3', 'six-4', 'six-5', 'six-6'];
    for (const name of names) writeRun(name, firstSteps);
    const { page, problems, close } = await pageOf(...names);
    await page.getByText('six-6 training 0.250').waitFor();
    await page.getByRole('heading', { name: 'Timeline of step 4' }).waitFor();
    assert.deepEqual(problems, []);
    await close();
  });

  it('leave what a person has chosen as it is', async () => {
    writeRun('live', firstSteps);
    const { page, problems, close } = await pageOf('live');
    await page.getByText('4 of 600').waitFor();
    const rankMap = page.getByRole('application', { name: /Load of ranks as measured/ });
    await rankMap.focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText('rank 0, step 1: 1.33x the mean').waitFor();
    await page.getByRole('application', { name: /^Step 4 as measured/ }).focus();
    await page.keyboard.press('ArrowRight');
    await page.getByText(/^rank 0, compute: attention/).waitFor();
    const loss = page.getByRole('application', { name: /^Loss/ });
    await loss.focus();
    await page.keyboard.press('+');
    await page.keyboard.press('+');
    const zoomed = await page.screenshot({ clip: (await loss.boundingBox())! });
    for (const step of [5, 6, 7]) {
      appendFileSync(join(runs, 'live', 'metrics.jsonl'), textOf([metricsOf(step)]));
      await page.getByText(`${step} of 600`).waitFor();
    }
    assert.equal(await page.getByText('rank 0, step 1: 1.33x the mean').count(), 1);
    assert.equal(await page.getByText(/^rank 0, compute: attention/).count(), 1);
    assert.ok((await page.screenshot({ clip: (await loss.boundingBox())! })).equals(zoomed));
    await page.keyboard.press('0');
    await until(async () => !(await page.screenshot({ clip: (await loss.boundingBox())! })).equals(zoomed));
    assert.deepEqual(problems, []);
    await close();
  });

  it('may begin anew, go, and come back', async () => {
    for (const name of ['again', 'beside']) writeRun(name, firstSteps);
    const { page, problems, close } = await pageOf('again', 'beside');
    await page.getByText('4 of 600').waitFor();
    rmSync(join(runs, 'again'), { recursive: true });
    await page.getByRole('option', { name: /^again/ }).waitFor({ state: 'detached' });
    writeRun('again', textOf([metricsOf(1), metricsOf(2)]));
    await page.getByText('2 of 600').waitFor();
    writeRun('again', textOf([1, 2, 3].map((step) => metricsOf(step))));
    await page.getByText('3 of 600').waitFor();
    assert.deepEqual(problems, []);
    await close();
  });
});
