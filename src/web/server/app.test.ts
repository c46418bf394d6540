import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import type { FolderNews, MetricsNews } from '../view/index.js';
import { createApp } from './app.js';
import type { PageFile } from './page-files.js';

const base = mkdtempSync(join(tmpdir(), 'doubletrack-page-'));
after(() => rmSync(base, { recursive: true, force: true }));

const runs = join(base, 'runs');
const one = join(runs, 'one');
const text = (content: string): PageFile => ({
  bytes: new TextEncoder().encode(content),
  type: 'text/html; charset=utf-8',
  isLasting: false,
});
const app = createApp({ host: '127.0.0.1', files: new Map([['/', text('<p>page</p>'.repeat(300))]]), roots: [runs] });
const ask = async (
  path: string,
  options: { readonly method?: string; readonly headers?: Record<string, string> } = {},
) =>
  await app.request(`http://127.0.0.1${path}`, { ...options, headers: { host: '127.0.0.1:80', ...options.headers } });

function metricsLine(step: number): string {
  const lists = { computeSeconds: [1], exposedCommunicationSeconds: [0], idleSeconds: [0], rankLoads: [1] };
  const numbers = { loss: 2, learningRate: 0, tokens: 1, seconds: 1, tokensPerSecond: 1, moves: 0 };
  return `${JSON.stringify({ step, ...numbers, ...lists })}\n`;
}

beforeEach(() => {
  rmSync(base, { recursive: true, force: true });
  mkdirSync(join(one, 'timelines'), { recursive: true });
  mkdirSync(join(one, 'loads'));
  writeFileSync(join(base, 'secret.json'), 'secret');
  writeFileSync(join(one, 'config.toml'), '# config');
  writeFileSync(join(one, 'metrics.jsonl'), metricsLine(1) + metricsLine(2));
  writeFileSync(join(one, 'timelines', '2.json'), '{"step":2}');
  writeFileSync(join(one, 'loads', '0000001-0000002.json'), '{}');
});

describe('the server of the page', () => {
  it('gives the page, compressed for who takes that, with headers that keep others out', async () => {
    const plain = await ask('/');
    assert.equal(plain.status, 200);
    assert.match(await plain.text(), /^<p>page/);
    assert.equal(plain.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(plain.headers.get('cross-origin-resource-policy'), 'same-origin');
    assert.equal(plain.headers.get('access-control-allow-origin'), null);
    const packed = await ask('/', { headers: { 'accept-encoding': 'gzip' } });
    assert.equal(packed.headers.get('content-encoding'), 'gzip');
    assert.match(gunzipSync(await packed.arrayBuffer()).toString(), /^<p>page/);
  });

  it('answers to its own name only', async () => {
    assert.equal((await ask('/api/runs', { headers: { host: 'evil.example' } })).status, 421);
    assert.equal((await ask('/api/runs', { headers: { host: 'localhost:8080' } })).status, 200);
  });

  it('takes no request that would change anything', async () => {
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS'])
      assert.equal((await ask('/api/runs', { method })).status, 405, method);
  });
});

describe('the runs of the server', () => {
  it('are listed, with the files of each', async () => {
    mkdirSync(join(runs, 'no-run'));
    assert.deepEqual(await (await ask('/api/runs')).json(), [{ id: 'one', folder: join(runs, 'one') }]);
    assert.equal(await (await ask('/api/runs/one/files/timelines/2.json')).text(), '{"step":2}');
    assert.equal(await (await ask('/api/runs/one/files/config.toml')).text(), '# config');
    assert.equal((await ask('/api/runs/one/files/loads/0000001-0000002.json')).status, 200);
    assert.equal((await ask('/api/runs/one/files/timelines/7.json')).status, 204);
  });

  it('give no file of another name, and none outside of the run, however it is asked for', async () => {
    const others = [
      'secret.json',
      '../secret.json',
      '..%2fsecret.json',
      '%2e%2e/%2e%2e/secret.json',
      'timelines/../../secret.json',
      'timelines/..%2f..%2f..%2fsecret.json',
      'timelines/2.json%00',
      'loads/..',
      'checkpoints/1/model.safetensors',
      'metrics.jsonl/x',
      '/etc/passwd',
    ];
    for (const path of others) {
      const answer = await ask(`/api/runs/one/files/${path}`);
      assert.equal(answer.status, 404, path);
      assert.ok(!(await answer.text()).includes('secret'), path);
    }
    for (const id of ['..', '%2e%2e', 'one%2f..', 'two'])
      assert.equal((await ask(`/api/runs/${id}/files/config.toml`)).status, 404, id);
  });

  it('follow no link out of the folder', async () => {
    rmSync(join(one, 'timelines'), { recursive: true });
    symlinkSync(base, join(one, 'timelines'));
    writeFileSync(join(base, '3.json'), 'secret');
    symlinkSync(join(base, 'secret.json'), join(one, 'step.json'));
    symlinkSync(join(base, 'elsewhere'), join(runs, 'linked'));
    mkdirSync(join(base, 'elsewhere'));
    writeFileSync(join(base, 'elsewhere', 'config.toml'), 'secret');
    assert.equal((await ask('/api/runs/one/files/timelines/3.json')).status, 204);
    assert.equal((await ask('/api/runs/one/files/step.json')).status, 204);
    assert.equal((await ask('/api/runs/linked/files/config.toml')).status, 404);
    const { folder } = await readEvents(one);
    assert.deepEqual(folder?.timelines, []);
    assert.equal(folder?.record, '');
  });

  it('tell what they hold, and then what comes', async () => {
    const { metrics, folder } = await readEvents(one);
    assert.deepEqual(metrics, [1, 2, 3]);
    assert.deepEqual(folder?.timelines, [2]);
    assert.deepEqual(folder?.loads, ['0000001-0000002.json']);
    assert.equal(folder?.isFinished, false);
  });

  it('go on where a connection broke', async () => {
    const first = await readEvents(one);
    const again = await readEvents(one, first.cursor);
    assert.deepEqual(again.metrics, [3]);
  });
});

/** What the events of the run say until step 3 comes, which is written once something was said. */
async function readEvents(folder: string, cursor?: string) {
  const stop = new AbortController();
  const headers = { host: '127.0.0.1', ...(cursor !== undefined && { 'last-event-id': cursor }) };
  const answer = await app.request('http://127.0.0.1/api/runs/one/events', { headers, signal: stop.signal });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  const metrics: number[] = [];
  let news: FolderNews | undefined;
  let firstCursor: string | undefined;
  let waiting = '';
  let isWritten = false;
  while (metrics.at(-1) !== 3) {
    const { value = '', done } = await reader.read();
    assert.ok(!done);
    const events = `${waiting}${value}`.split('\n\n');
    waiting = events.pop() ?? '';
    for (const event of events) {
      const fields = new Map(event.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
      const data: unknown = JSON.parse(fields.get('data') ?? 'null');
      if (fields.get('event') === 'folder') news = data as FolderNews;
      if (fields.get('event') !== 'metrics') continue;
      firstCursor ??= fields.get('id');
      metrics.push(...(data as MetricsNews).lines.map(({ step }) => step));
    }
    if (!isWritten) appendFileSync(join(folder, 'metrics.jsonl'), metricsLine(3));
    isWritten = true;
  }
  await reader.cancel();
  return { metrics, folder: news, cursor: firstCursor };
}
