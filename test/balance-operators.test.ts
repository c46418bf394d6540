import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { createRandom } from '../src/base/index.js';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'balance-operators-'));
after(() => rmSync(folder, { recursive: true }));

const sizes = { layers: 2, experts: 24, windows: 10 };

/** Recorded windows of experts that are as popular as the seed makes them; noise differs from window to window. */
function record(name: string, popularity: number, windows = sizes.windows): string {
  const popular = createRandom(popularity, 'popular');
  const noise = createRandom(popularity, 'noise', name);
  const logs = Array.from({ length: sizes.layers }, () =>
    Array.from({ length: sizes.experts }, () => popular.normal()),
  );
  const counts = Array.from({ length: windows }, () =>
    logs.map((row) => row.map((log) => Math.round(300 * Math.exp(log + 0.1 * noise.normal())))),
  );
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify({ logical_count: counts }));
  return path;
}

const yesterday = record('yesterday.json', 1);
const today = record('today.json', 1);
const changed = record('changed.json', 2);
const placement = join(folder, 'placement.json');
const place = `balance ${yesterday} --gpus 4 --redundant 8 --out ${placement}`;

interface CheckJson {
  readonly verdict: 'good' | 'stale';
  readonly balancedness: number;
  readonly gain: number;
  readonly spread?: number;
  readonly moves: number;
}

describe('doubletrack balance --redundant', () => {
  it('takes slots as engines count them', async () => {
    const { status, stdout } = await runCommand(`${place} --json`);
    assert.equal(status, 0);
    const { physicalToLogical } = JSON.parse(stdout) as { readonly physicalToLogical: number[][] };
    assert.equal(physicalToLogical[0].length, 32);
  });

  it('refuses what does not divide by the GPUs with what does, and what contradicts it', async () => {
    const uneven = await runCommand(`balance ${yesterday} --gpus 4 --redundant 6`);
    assert.equal(uneven.status, 2);
    assert.match(uneven.stderr, /24 experts and 6 redundant ones do not divide by 4 GPUs .*: use 4 or 8/);
    const twice = await runCommand(`balance ${yesterday} --gpus 4 --redundant 8 --slots 32`);
    assert.match(twice.stderr, /say the same: leave one out/);
  });
});

describe('the launch that goes with a file', () => {
  it('is printed with the file, beside the document and beside the file itself', async () => {
    const file = join(folder, 'sglang.json');
    const line = `balance ${yesterday} --gpus 4 --redundant 8 --format sglang`;
    const flags = /--ep-size 4 --ep-num-redundant-experts 8 --init-expert-location '.*\.json'/;
    assert.match((await runCommand(`${line} --out ${file}`)).stdout, flags);
    const document = await runCommand(`${line} --out ${file} --json`);
    assert.match(document.stderr, flags);
    assert.equal(typeof JSON.parse(document.stdout), 'object');
    const alone = await runCommand(line);
    assert.match(alone.stderr, flags);
    assert.equal(alone.stdout, readFileSync(file, 'utf8'));
  });
});

describe('doubletrack balance check', () => {
  const check = async (line: string) => {
    await runCommand(place);
    return await runCommand(`balance check ${placement} ${line}`);
  };

  it('ends with 0 while a placement is good on loads that it was not made from', async () => {
    const { status, stdout } = await check(today);
    assert.equal(status, 0);
    assert.match(stdout, /Still good: another placement would gain .* ± /);
    const { stdout: json } = await check(`${today} --json`);
    const { verdict, balancedness, gain, spread } = JSON.parse(json) as CheckJson;
    assert.equal(verdict, 'good');
    assert.ok(balancedness > 0.8 && spread !== undefined && gain < 0.02 + spread);
  });

  it('ends with 1 and one line where loads have changed, with the document all the same', async () => {
    const { status, stdout, stderr } = await check(`${changed} --json`);
    assert.equal(status, 1);
    const { verdict, gain, spread, moves } = JSON.parse(stdout) as CheckJson;
    assert.equal(verdict, 'stale');
    assert.ok(spread !== undefined && gain > spread && moves > 0);
    assert.match(stderr, /^doubletrack: the placement is no longer good: another placement gains .*--current/m);
  });

  it('takes what is worth it, and the least balancedness, as it is told', async () => {
    assert.equal((await check(`${changed} --least-gain 95`)).status, 0);
    const { status, stderr } = await check(`${today} --least-balancedness 0.999`);
    assert.equal(status, 1);
    assert.match(stderr, /its balancedness is 0\.\d+, below 0\.999/);
  });

  it('asks for several windows where one cannot tell', async () => {
    const one = record('one.json', 2, 1);
    const { status, stderr } = await check(one);
    assert.equal(status, 2);
    assert.match(stderr, /one window does not tell .*: record several windows/);
    const low = await check(`${one} --least-balancedness 0 --least-gain 95`);
    assert.equal(low.status, 0, low.stderr);
  });
});

describe('doubletrack balance curve', () => {
  it('shows what more slots bring on windows that were not placed by, and where it is enough', async () => {
    const { stdout, status } = await runCommand(`balance curve ${today} --gpus 4 --most-per-gpu 4 --json`);
    assert.equal(status, 0);
    interface Point {
      readonly slots: number;
      readonly redundant: number;
      readonly balancedness: number;
      readonly spread: number;
      readonly deepseek: number;
    }
    const { points, enough } = JSON.parse(stdout) as { readonly points: Point[]; readonly enough: number | null };
    assert.deepEqual(
      points.map(({ slots, redundant }) => [slots, redundant]),
      [24, 28, 32, 36, 40].map((slots) => [slots, slots - 24]),
    );
    const [first, last] = [points[0], points[4]];
    assert.ok(last.balancedness > first.balancedness);
    assert.ok(points.every(({ spread, deepseek }) => spread > 0 && deepseek > 0 && deepseek <= 1));
    assert.ok(enough === null || points.some(({ slots }) => slots === enough));
    const text = await runCommand(`balance curve ${today} --gpus 4 --most-per-gpu 1`);
    assert.match(text.stdout, /on windows that were not placed by, of 10 windows/);
  });

  it('leaves the number of slots to itself', async () => {
    const { status, stderr } = await runCommand(`balance curve ${today} --gpus 4 --slots 32`);
    assert.equal(status, 2);
    assert.match(stderr, /a curve tries numbers of slots itself/);
  });
});

describe('doubletrack balance score', () => {
  it('says where a placement was made from the very windows, and how far it may be on others', async () => {
    await runCommand(place);
    const own = await runCommand(`balance score ${placement} ${yesterday}`);
    assert.match(own.stderr, /looks made from these very windows/);
    const other = await runCommand(`balance score ${placement} ${today}`);
    assert.doesNotMatch(other.stderr, /looks made from/);
    assert.match(other.stdout, /On other windows of the same kind the ratio of sums is 0\.\d+ ± 0\.\d+/);
  });
});
