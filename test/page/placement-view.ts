import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { gzipSync } from 'node:zlib';
import type { Download, Page } from 'playwright-core';
import { writeSafetensors } from '../../src/formats/index.js';
import { type PageServer, servePage } from '../../src/web/index.js';
import { runCommand } from '../run-command.js';
import { openPage, type PageOptions } from './browser.js';

export const folder = mkdtempSync(join(tmpdir(), 'placement-page-'));
after(() => rmSync(folder, { recursive: true }));

export function write(name: string, content: unknown): string {
  const path = join(folder, name);
  const isWritten = typeof content === 'string' || content instanceof Uint8Array;
  writeFileSync(path, isWritten ? content : JSON.stringify(content));
  return path;
}

export const recordings = 'test/fixtures/sglang-recorder';
export const twoLayers = {
  logical_count: [
    [90, 10, 40, 20, 70, 5, 33, 8],
    [1, 2, 3, 400, 5, 6, 7, 8],
  ],
};
export const sglang = write('sglang.json', twoLayers);
export const gzipped = write('domains.json.gz', gzipSync(readFileSync('examples/loads.json')));

/** TensorRT-LLM's statistics: two iterations of two layers, of two ranks. */
export async function writeStatistics(): Promise<string> {
  const statistics = join(folder, 'statistics');
  mkdirSync(statistics);
  for (const rank of [0, 1]) {
    const tensors = [1, 2].flatMap((iteration) =>
      [3, 4].map((layer) => {
        const data = Int32Array.from({ length: 8 }, (_, expert) => 5 + ((expert * 7 * iteration + layer + rank) % 31));
        return { name: `${iteration}_${layer}`, dtype: 'I32' as const, shape: [8], data };
      }),
    );
    await writeSafetensors(join(statistics, `rank${rank}.safetensors`), tensors);
  }
  writeFileSync(join(statistics, 'meta_info.json'), JSON.stringify({ num_experts: 8 }));
  return statistics;
}

/** Loads that take a search many seconds: the sizes of DeepSeek-V3, in several windows. */
export function writeLarge(): string {
  const window = (seed: number) =>
    Array.from({ length: 58 }, (_, layer) =>
      Array.from({ length: 256 }, (__, expert) => 1 + ((expert * 7919 + layer * 104_729 + seed * 1_299_709) % 9973)),
    );
  return write('large.json', { logical_count: Array.from({ length: 24 }, (_, seed) => window(seed)) });
}

export const result = (page: Page) => page.locator('[data-part=result][aria-busy=false]');
export const facts = (page: Page) => page.locator('[data-part=facts]');
export const alerts = (page: Page) => page.getByRole('alert');

export async function give(page: Page, files: string | string[], kind: 'file' | 'folder' = 'file'): Promise<void> {
  const name = /Place experts|Place other loads/;
  const inputs = page.getByRole('region', { name }).locator('input[type=file]');
  await inputs.nth(kind === 'file' ? 0 : 1).setInputFiles(files);
}

export async function read(download: Download): Promise<string> {
  return readFileSync(await download.path(), 'utf8');
}

/** The file that the page gives in a format. */
async function downloadAs(page: Page, format: string): Promise<string> {
  await page.getByLabel('Format').selectOption(format);
  const waiting = page.waitForEvent('download');
  await page.getByRole('button', { name: /^Download placement/ }).click();
  return await read(await waiting);
}

/** Without what it took. */
function measured(document: string): unknown {
  const { seconds, ...rest } = JSON.parse(document) as Record<string, unknown>;
  assert.equal(typeof seconds, 'number');
  return rest;
}

/** The page's files and those of the command with the same input must be the same. */
export async function assertAsCommand(page: Page, line: string, formats: readonly string[] = ['json']): Promise<void> {
  await result(page).waitFor();
  for (const format of formats) {
    const { stdout, stderr, status } = await runCommand(`balance ${line} --format ${format}`);
    assert.equal(status, 0, stderr);
    const given = await downloadAs(page, format);
    if (format === 'json') assert.deepEqual(measured(given), measured(stdout));
    else assert.equal(given, stdout);
  }
}

/** Serves the page to the tests of a suite; gives what opens the view. */
export function serveView() {
  let server: PageServer;
  before(async () => {
    server = await servePage({ port: 0 });
  });
  after(async () => await server.close());
  return async (parameters = '', options: PageOptions = {}) =>
    await openPage(`${server.address}#/placement${parameters}`, options);
}

/** Drops files, by their names, onto the first place for it. */
export async function drop(page: Page, files: Readonly<Record<string, unknown>>): Promise<void> {
  await page.locator('.drop-zone').waitFor();
  await page.evaluate(`{
    const data = new DataTransfer();
    for (const [name, content] of Object.entries(${JSON.stringify(files)}))
      data.items.add(new File([JSON.stringify(content)], name));
    for (const kind of ['dragover', 'drop'])
      document.querySelector('.drop-zone').dispatchEvent(
        new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }),
      );
  }`);
}
