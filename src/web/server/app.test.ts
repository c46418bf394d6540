import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, describe, it } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import type { Problem } from '../../base/index.js';
import type { FolderNews, MetricsNews, RunEvent, RunListing } from '../view/index.js';
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
  const communication = { communicationSeconds: [0], exposedCommunicationSeconds: [0] };
  const lists = { computeSeconds: [1], ...communication, idleSeconds: [0], rankLoads: [1], expertSeconds: [0] };
  const ratios = { balancedness: 1, rankBalancedness: 1 };
  const numbers = { loss: 2, gradNorm: 1, learningRate: 0, tokens: 1, seconds: 1, tokensPerSecond: 1, moves: 0 };
  return `${JSON.stringify({ step, ...numbers, ...ratios, ...lists })}\n`;
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
    for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'HEAD'])
      assert.equal((await ask('/api/runs', { method })).status, 405, method);
    // It would be answered as if it were GET, and the events of a run never end.
    assert.equal((await ask('/api/events?run=one', { method: 'HEAD' })).status, 405);
    assert.equal((await ask('/', { method: 'HEAD' })).status, 200);
  });

  it('works for no page of another site, but lets others lead to its own', async () => {
    for (const site of ['cross-site', 'same-site']) {
      const headers = { 'sec-fetch-site': site };
      for (const path of ['/api/runs', '/api/events?run=one', '/api/runs/one/files/config.toml'])
        assert.equal((await ask(path, { headers })).status, 403, path);
      assert.equal((await ask('/', { headers })).status, 200);
    }
    assert.equal((await ask('/api/runs', { headers: { 'sec-fetch-site': 'same-origin' } })).status, 200);
  });
});

describe('the runs of the server', () => {
  it('are listed, with the files of each', async () => {
    mkdirSync(join(runs, 'no-run'));
    const listed = await (await ask('/api/runs')).json();
    assert.deepEqual(listed, { runs: [{ id: 'one', folder: join(runs, 'one') }], leftOut: 0 });
    assert.equal(await (await ask('/api/runs/one/files/timelines/2.json')).text(), '{"step":2}');
    assert.equal(await (await ask('/api/runs/one/files/config.toml')).text(), '# config');
    assert.equal((await ask('/api/runs/one/files/loads/0000001-0000002.json')).status, 200);
    assert.equal((await ask('/api/runs/one/files/timelines/7.json')).status, 204);
  });

  it('are the latest 200, how many more there are is told, and each can be found by its name', async () => {
    for (let number = 1000; number < 1210; number++) {
      mkdirSync(join(runs, `b-${number}`));
      writeFileSync(join(runs, `b-${number}`, 'config.toml'), '# config');
    }
    const list = async (query: string) => {
      const listing = (await (await ask(`/api/runs${query}`)).json()) as RunListing;
      return [listing.runs.map(({ id }) => id), listing.leftOut] as const;
    };
    const [latest, leftOut] = await list('');
    assert.deepEqual([latest.length, latest[0], latest.at(-1), leftOut], [200, 'b-1011', 'one', 11]);
    assert.deepEqual(await list('?filter=B-100'), [Array.from({ length: 10 }, (_, number) => `b-100${number}`), 0]);
    assert.deepEqual(await list('?filter=one&run=b-1000&run=b-1009&run=nope'), [['b-1000', 'b-1009', 'one'], 0]);
    assert.equal(await (await ask('/api/runs/b-1000/files/config.toml')).text(), '# config');
    const { folders } = await hear('run=b-1000', (told) => told.folders.length > 0);
    assert.equal(folders[0]?.isFinished, false);
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
    const { folders } = await hear('run=one', (told) => told.folders.length > 0);
    assert.deepEqual(folders[0]?.timelines, []);
    assert.equal(folders[0]?.record, '');
  });
});

describe('files that are not as a run writes them', () => {
  it('do not keep the server from others if they are pipes', async () => {
    rmSync(join(one, 'metrics.jsonl'));
    const pipes = ['metrics.jsonl', 'step.json', join('timelines', '9.json')].map((name) => join(one, name));
    execFileSync('sh', ['-c', 'mkfifo "$@"', 'sh', ...pipes]);
    for (const path of ['step.json', 'timelines/9.json'])
      assert.equal((await ask(`/api/runs/one/files/${path}`)).status, 422, path);
    const told = await hear('run=one', ({ problems, folders }) => problems.length > 0 && folders.length > 0);
    assert.match(told.problems[0]?.what ?? '', /pipe/);
    assert.deepEqual([told.folders[0]?.record, told.folders[0]?.timelines], ['', [2]]);
  });

  it('are read piece by piece, and closed however far they were read', {
    skip: process.platform !== 'linux',
  }, async () => {
    const path = join(one, 'timelines', '2.json');
    truncateSync(path, 2 ** 25);
    const countOpen = () => readdirSync('/proc/self/fd').length;
    const before = countOpen();
    const half = (await ask('/api/runs/one/files/timelines/2.json')).body!.getReader();
    await half.read();
    await half.cancel();
    const whole = await ask('/api/runs/one/files/timelines/2.json');
    assert.equal((await whole.arrayBuffer()).byteLength, 2 ** 25);
    truncateSync(path, 2 ** 27);
    assert.equal((await ask('/api/runs/one/files/timelines/2.json')).status, 422);
    truncateSync(path, 0);
    assert.equal(await (await ask('/api/runs/one/files/timelines/2.json')).text(), '');
    while (countOpen() > before) await wait(5);
  });
});

describe('runs that are watched', () => {
  it('have names of their own, and each is there once', async () => {
    const others = join(base, 'others');
    for (const folder of [join(runs, 'one-2'), join(others, 'one'), join(runs, 'a b, 50% #1')]) {
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, 'config.toml'), folder);
    }
    const both = createApp({ host: '127.0.0.1', files: new Map(), roots: [others, runs, join(runs, 'one')] });
    const read = async (path: string) =>
      await both.request(`http://127.0.0.1/api/runs${path}`, { headers: { host: '127.0.0.1' } });
    const { runs: listed } = (await (await read('')).json()) as RunListing;
    assert.deepEqual(
      listed.map(({ id }) => id),
      ['one', 'a b, 50% #1', 'one-2', 'one-2-2'],
    );
    for (const { id, folder } of listed.filter(({ folder: own }) => own !== one))
      assert.equal(await (await read(`/${encodeURIComponent(id)}/files/config.toml`)).text(), folder);
  });

  it('tell what they hold, and then what comes', async () => {
    const { steps, folders } = await hear('run=one', ({ steps: heard }) => heard.length === 3, writeThird);
    assert.deepEqual(steps, [1, 2, 3]);
    assert.deepEqual(folders[0]?.timelines, [2]);
    assert.deepEqual(folders[0]?.loads, ['0000001-0000002.json']);
    assert.equal(folders[0]?.isFinished, false);
  });

  it('go on where a connection broke', async () => {
    const first = await hear('run=one', ({ steps }) => steps.length === 2);
    const from = encodeURIComponent(first.cursor);
    const again = await hear(`run=one&from=${from}`, ({ steps }) => steps.length > 0, writeThird);
    assert.deepEqual([again.steps, again.isAnew], [[3], false]);
  });

  it('may come later than who asks for them, beside others', async () => {
    const told = await hear(
      'run=late&run=one',
      ({ heard }) => heard.has('late'),
      () => {
        mkdirSync(join(runs, 'late'));
        writeFileSync(join(runs, 'late', 'metrics.jsonl'), metricsLine(7));
      },
    );
    assert.match(told.problems[0]?.what ?? '', /no such run/);
    assert.equal(told.problems.at(-1), null);
    assert.deepEqual([...told.heard], ['one', 'late']);
  });

  it('say once that they cannot be read, and tell on when they can', async () => {
    writeFileSync(join(one, 'metrics.jsonl'), 'x'.repeat(2 ** 20 + 1));
    const told = await hear(
      'run=one',
      ({ steps }) => steps.length > 0,
      () => {
        setTimeout(() => {
          rmSync(join(one, 'metrics.jsonl'));
          writeThird();
        }, 1000);
      },
    );
    assert.deepEqual(
      told.problems.map((problem) => problem === null),
      [false, true],
    );
    assert.equal(told.folders.length, 1);
  });
});

const writeThird = () => appendFileSync(join(one, 'metrics.jsonl'), metricsLine(3));

/** What events have told. */
interface Told {
  readonly steps: number[];
  readonly folders: FolderNews[];
  readonly problems: (Problem | null)[];
  /** Runs with metrics. */
  readonly heard: Set<string>;
  cursor: string;
  isAnew: boolean | undefined;
}

/** Hears events until `isEnough`; `change` is called once something was said. */
async function hear(query: string, isEnough: (told: Told) => boolean, change = () => {}): Promise<Told> {
  const stop = new AbortController();
  const headers = { host: '127.0.0.1' };
  const answer = await app.request(`http://127.0.0.1/api/events?${query}`, { headers, signal: stop.signal });
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  const told: Told = { steps: [], folders: [], problems: [], heard: new Set(), cursor: '', isAnew: undefined };
  let waiting = '';
  let isChanged = false;
  while (!isEnough(told)) {
    const { value = '', done } = await reader.read();
    assert.ok(!done);
    const events = `${waiting}${value}`.split('\n\n');
    waiting = events.pop() ?? '';
    for (const event of events) addEvent(told, event);
    if (!isChanged) change();
    isChanged = true;
  }
  await reader.cancel();
  return told;
}

function addEvent(told: Told, event: string): void {
  const fields = new Map(event.split('\n').map((line) => line.split(/: (.*)/s) as [string, string]));
  const { run, news, cursor } = JSON.parse(fields.get('data') ?? 'null') as RunEvent<never>;
  switch (fields.get('event')) {
    case 'folder':
      told.folders.push(news as FolderNews);
      break;
    case 'problem':
      told.problems.push(news as Problem | null);
      break;
    case 'metrics':
      told.heard.add(run);
      told.steps.push(...(news as MetricsNews).lines.map(({ step }) => step));
      told.isAnew ??= (news as MetricsNews).isAnew;
      told.cursor = cursor ?? '';
      break;
    default:
      assert.fail(event);
  }
}
