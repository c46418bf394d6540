import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import axe from 'axe-core';
import { type Browser, chromium, type Locator, type Page } from 'playwright-core';

const executablePath = process.env.DOUBLETRACK_CHROMIUM ?? '/usr/bin/chromium';

/** Why tests in a browser cannot run; false where they can, or must. */
export const skipWithoutBrowser: string | false =
  existsSync(executablePath) || process.env.DOUBLETRACK_ALL_TESTS !== undefined
    ? false
    : 'chromium is missing: apt install chromium, or name one in DOUBLETRACK_CHROMIUM';

let browser: Promise<Browser> | undefined;
after(async () => await (await browser)?.close());

export interface PageOptions {
  /** CSS pixels. Default: 1280 x 800. */
  readonly width?: number;
  readonly height?: number;
  readonly theme?: 'light' | 'dark';
}

const HANG_MILLISECONDS = 300_000;

/** A page in the browser, with all that it complained of. */
export interface OpenedPage {
  readonly page: Page;
  /** Errors of its scripts and on its console, and requests that failed or went to another host. */
  readonly problems: readonly string[];
  close(): Promise<void>;
}

/** Opens an address in a window of its own; the browser is started once and ends with the test file. */
export async function openPage(
  address: string,
  { width = 1280, height = 800, theme = 'light' }: PageOptions = {},
): Promise<OpenedPage> {
  browser ??= chromium.launch({ executablePath, args: ['--no-sandbox'] });
  const context = await (await browser).newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: 'reduce',
    acceptDownloads: true,
  });
  // Nothing is given up early on a machine that is busy: what waits that long hangs.
  context.setDefaultTimeout(HANG_MILLISECONDS);
  const page = await context.newPage();
  const problems = collectProblems(page, new URL(address).origin);
  await page.goto(address);
  return { page, problems, close: async () => await context.close() };
}

function collectProblems(page: Page, origin: string): readonly string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`script: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') problems.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    const { protocol, origin: other } = new URL(request.url());
    if (protocol.startsWith('http') && other !== origin) problems.push(`request to ${request.url()}`);
  });
  page.on('requestfailed', (request) => {
    // Leaving a view ends what it was still asking for.
    const reason = request.failure()?.errorText ?? '';
    if (reason !== 'net::ERR_ABORTED') problems.push(`request failed: ${request.url()} ${reason}`);
  });
  return problems;
}

/** Fails with each place of the page that breaks a rule of WCAG 2.2, level A or AA. */
export async function assertAccessible(page: Page): Promise<void> {
  await page.evaluate(axe.source);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
  const { violations } = (await page.evaluate(
    `axe.run(document, { runOnly: { type: 'tag', values: ${JSON.stringify(tags)} } })`,
  )) as axe.AxeResults;
  const found = violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${help}: ${html} ${failureSummary}`),
  );
  assert.deepEqual(found, []);
}

/** Fails if the page is wider than its window, so that a person would have to scroll sideways; names what reaches beyond. */
export async function assertFits(page: Page): Promise<void> {
  const wide = (await page.evaluate(`(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    if (scrollWidth <= clientWidth) return [];
    const reaches = (element) => element.getBoundingClientRect().right > clientWidth;
    return [...document.querySelectorAll('main *')].filter(reaches).map(({ outerHTML }) => outerHTML.slice(0, 120));
  })()`)) as string[];
  assert.deepEqual(wide, []);
}

/** Unfolds the settings of a view in a narrow window. */
export async function openSettings(page: Page): Promise<void> {
  await page.getByText(/^Settings: /).click();
  await page.locator('details.controls[open]').waitFor();
}

/** Whether all of what is found lies in the window. */
export async function isInSight(place: Locator): Promise<boolean> {
  const box = await place.boundingBox();
  const height = place.page().viewportSize()?.height ?? 0;
  return box !== null && box.y >= -1 && box.y + box.height <= height + 1;
}

const patienceMilliseconds = 30_000;

/** Waits until `isSo`. The page's policy forbids what Playwright would evaluate in it to wait by itself. */
export async function until(isSo: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + patienceMilliseconds;
  while (!(await isSo())) {
    assert.ok(performance.now() < end, 'it did not become so');
    await wait(100);
  }
}
