// Makes the pictures of the page in docs/: `node scripts/page-screenshots.mjs [--run RUN]`. Without a run it trains examples/skewed.toml for 120 steps first (about a minute on two cores).
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { servePage } from '../dist/src/web/index.js';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-pictures-'));
const { values: flags } = parseArgs({ options: { run: { type: 'string' } } });
const run = flags.run === undefined ? join(folder, 'skewed') : resolve(flags.run);
if (flags.run === undefined) {
  const training = ['bin/doubletrack.js', 'train', 'examples/skewed.toml', '--steps', '120', '--out', run];
  const { status } = spawnSync(process.execPath, training, { stdio: 'inherit' });
  if (status !== 0) process.exit(1);
}

/** Each view, with what has to be there before its picture is taken. */
const pictures = [
  {
    name: 'run',
    height: 1720,
    async prepare(page) {
      await page.getByText('Predicted by the simulator').first().waitFor();
      await page.getByRole('application', { name: /Load of the experts/ }).waitFor();
    },
  },
  {
    name: 'schedules',
    height: 1180,
    async prepare(page) {
      await page.locator('.chart-scroll').last().waitFor();
    },
  },
  {
    name: 'placement',
    height: 1300,
    async prepare(page) {
      await page.getByRole('button', { name: 'Try the example' }).click();
      await page.getByRole('application', { name: /after/i }).waitFor();
    },
  },
  {
    name: 'planner',
    height: 1180,
    async prepare(page) {
      await page.getByText(/layouts predicted in/).waitFor();
    },
  },
];

// From beside the run, so that its picture shows no path of this machine.
const docs = resolve('docs');
process.chdir(dirname(run));
const server = await servePage({ port: 0, runs: [basename(run)] });
const browser = await chromium.launch({
  executablePath: process.env.DOUBLETRACK_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
for (const { name, height, prepare } of pictures) {
  const page = await browser.newPage({ viewport: { width: 1280, height }, colorScheme: 'light' });
  await page.goto(`${server.address}#/${name}`);
  await prepare(page);
  await page.waitForLoadState('networkidle').catch(() => undefined);
  await page.screenshot({ path: join(docs, `page-${name}.png`) });
  await page.close();
  console.log(`docs/page-${name}.png`);
}
await browser.close();
await server.close();
rmSync(folder, { recursive: true });
