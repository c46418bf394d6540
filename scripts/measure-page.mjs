// Measures the page in Chromium: `node scripts/measure-page.mjs [--repeats N] [--run RUN]`. Prints what the first view transfers and takes, and what a frame of a timeline takes, as medians, least and most.
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { servePage } from '../dist/src/web/index.js';

const { values: flags } = parseArgs({
  options: { repeats: { type: 'string', default: '10' }, run: { type: 'string' } },
});
const repeats = Number(flags.repeats);
const server = await servePage({ port: 0, runs: flags.run === undefined ? [] : [flags.run] });
const browser = await chromium.launch({
  executablePath: process.env.DOUBLETRACK_CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});

/** Median, least and most. */
function spread(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], least: sorted[0], most: sorted.at(-1), count: sorted.length };
}

function print(what, { median, least, most, count }, unit) {
  const round = (value) => (value >= 100 ? value.toFixed(0) : value.toFixed(1));
  console.log(`${what.padEnd(76)} ${round(median)} ${unit} (${round(least)} to ${round(most)}, ${count} times)`);
}

async function open(path, width = 1280) {
  const context = await browser.newContext({ viewport: { width, height: 800 } });
  const page = await context.newPage();
  return { context, page, address: `${server.address}${path}` };
}

/** Opens the page with nothing in its cache: bytes over the network, and the time until the view stands. */
async function measureFirstView() {
  const { context, page, address } = await open('');
  const network = await context.newCDPSession(page);
  await network.send('Network.enable');
  let bytes = 0;
  network.on('Network.loadingFinished', ({ encodedDataLength }) => {
    bytes += encodedDataLength;
  });
  const start = performance.now();
  await page.goto(address);
  // Of a run, until its last panel stands; without one, until the page says so.
  const last = flags.run === undefined ? 'Look at a run from its folder' : 'Load of experts over time';
  await page.getByRole('heading', { name: last }).waitFor();
  const milliseconds = performance.now() - start;
  await context.close();
  return { bytes, milliseconds };
}

/** Presses keys on the first timeline: milliseconds of drawing, and from the key to the second frame after it, by which it is on the screen. */
const pressKeys = (keys) => `(async () => {
  const chart = document.querySelector('.chart-scroll');
  const frame = () => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
  performance.clearMeasures();
  const frames = [];
  for (const key of ${JSON.stringify(keys)}) {
    const start = performance.now();
    chart.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    await frame();
    frames.push(performance.now() - start);
  }
  return { frames, draws: performance.getEntriesByName('timeline frame').map(({ duration }) => duration) };
})()`;

async function measureTimeline({ ranks, microbatches }) {
  const parameters = `schedule=zb-h1&other=none&ranks=${ranks}&microbatches=${microbatches}&p2p=0.1`;
  const { context, page, address } = await open(`#/schedules?${parameters}`);
  await page.goto(address);
  await page.locator('.chart-scroll').first().waitFor();
  const keys = Array.from({ length: repeats }, () => ['+', '+', '.', '-', '-', '0']).flat();
  const { frames, draws } = await page.evaluate(pressKeys(keys));
  await context.close();
  print(`timeline, zb-h1 with messages, ${ranks} ranks x ${microbatches} microbatches: drawing`, spread(draws), 'ms');
  print('  from a key to the second frame after it', spread(frames), 'ms');
}

/** Changes a time by one step of its slider: from the change to the drawn picture, and to the second frame after it. */
const moveSlider = (count) => `(async () => {
  const slider = [...document.querySelectorAll('input[type=range]')].find((one) => one.ariaLabel === 'Forward, slider');
  const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, 'value').set;
  const frames = [];
  performance.clearMeasures();
  for (let turn = 0; turn < ${count}; turn++) {
    const start = performance.now();
    set.call(slider, turn % 2 === 0 ? 1.1 : 1);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    frames.push(performance.now() - start);
  }
  return { frames, redraws: performance.getEntriesByName('schedules redraw').map(({ duration }) => duration) };
})()`;

async function measureRedraw({ ranks, microbatches, schedule, other }) {
  const parameters = `schedule=${schedule}&other=${other}&ranks=${ranks}&microbatches=${microbatches}`;
  const { context, page, address } = await open(`#/schedules?${parameters}`);
  await page.goto(address);
  await page.locator('.chart-scroll').first().waitFor();
  const { frames, redraws } = await page.evaluate(moveSlider(2 * repeats));
  await context.close();
  const beside = other === 'none' ? '' : ` beside ${other}`;
  print(`${schedule}${beside}, ${ranks} x ${microbatches}: from a slider to the drawn picture`, spread(redraws), 'ms');
  print('  from a slider to the second frame after it', spread(frames), 'ms');
}

console.log(`Chromium ${browser.version()}`);
const views = [];
for (let turn = 0; turn < repeats; turn++) views.push(await measureFirstView());
print('first view: transferred until then', spread(views.map(({ bytes }) => bytes / 1000)), 'kB');
print('first view: from the address to the view', spread(views.map(({ milliseconds }) => milliseconds)), 'ms');
await measureRedraw({ schedule: 'dualpipev', other: 'none', ranks: 16, microbatches: 64 });
await measureRedraw({ schedule: 'dualpipev', other: '1f1b', ranks: 16, microbatches: 64 });
await measureRedraw({ schedule: 'dualpipe', other: 'zb-v', ranks: 16, microbatches: 64 });
await measureTimeline({ ranks: 16, microbatches: 64 });
await measureTimeline({ ranks: 64, microbatches: 512 });
await browser.close();
await server.close();
