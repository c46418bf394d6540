import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';

const folder = mkdtempSync(join(tmpdir(), 'doubletrack-plan-'));
after(() => rmSync(folder, { recursive: true }));

const files = ['--model', 'configs/deepseek-v3.json', '--cluster', 'configs/h800-2048.toml'];
const step = ['--sequences-per-step', '15360', '--sequence-length', '4096'];
const layout = ['--schedule', 'dualpipe', '--pipeline', '16', '--expert', '64', '--microbatch-size', '1'];

function plan(args: readonly string[]) {
  return spawnSync('node', ['bin/doubletrack.js', 'plan', ...args], { encoding: 'utf8', maxBuffer: 2 ** 26 });
}

interface Document {
  readonly plans: readonly Readonly<Record<string, unknown>>[];
  readonly rejected: Readonly<Record<string, number>>;
  readonly predictedLayouts: number;
}

function planJson(args: readonly string[]): Document {
  const { stdout, stderr, status } = plan([...args, '--json']);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Document;
}

const keys = [
  'schedule',
  'pipeline',
  'expert',
  'data',
  'microbatchSize',
  'microbatches',
  'stepSeconds',
  'bubbleFraction',
  'exposedCommunicationSeconds',
  'communicationSms',
  'peakMemoryGiB',
  'mfu',
  'tokensPerSecond',
  'gpuHoursPerTrillionTokens',
];

describe('doubletrack plan', () => {
  it('runs the example of its help as printed, over at least 1,000 layouts', () => {
    const help = plan(['--help']).stdout;
    const example = /Example:\s+doubletrack plan (.*)/.exec(help)?.[1]?.trim().split(' ') ?? [];
    assert.deepEqual(example, [...files, ...step]);
    const { plans, rejected, predictedLayouts } = planJson(example);
    assert.equal(plans.length, 10);
    assert.ok(predictedLayouts >= 1000, `${predictedLayouts}`);
    assert.ok(rejected.memory > 0 && rejected.limits > 0);
    for (const one of plans) for (const key of keys) assert.ok(key in one, key);
  });

  it('predicts the step of DeepSeek-V3 within 10% from first principles, and its GPU hours', () => {
    const found = planJson([...files, ...step, ...layout, '--calibration', 'none']).plans[0];
    assert.ok(Math.abs((found.stepSeconds as number) / 19.926 - 1) < 0.1);
    assert.ok(Math.abs((found.gpuHoursPerTrillionTokens as number) / 180_000 - 1) < 0.1);
    assert.equal((found.peakMemoryGiB as number[]).length, 16);
  });

  it('predicts them within 5% calibrated', () => {
    const found = planJson([...files, ...step, ...layout]).plans[0];
    assert.ok(Math.abs((found.stepSeconds as number) / 19.926 - 1) < 0.05);
    assert.ok(Math.abs((found.gpuHoursPerTrillionTokens as number) / 180_000 - 1) < 0.05);
    assert.ok(Math.abs((found.mfu as number) / 0.3894 - 1) < 0.05);
  });

  it('says for a person what is predicted, and where time and memory go', () => {
    const { stdout, status } = plan([...files, ...step, ...layout]);
    assert.equal(status, 0);
    for (const text of [
      '671.0 B parameters',
      'predicted',
      'fitted to configs/h800-2048.calibration.toml',
      'idle: warm-up',
      'activations',
    ])
      assert.ok(stdout.includes(text), text);
  });
});

const broken = join(folder, 'broken.toml');
writeFileSync(broken, readFileSync('configs/h800-2048.toml', 'utf8').replace('count = 256', 'count = 0'));
const tight = join(folder, 'tight.toml');
const small = readFileSync('configs/h800-2048.toml', 'utf8').replace('memory_gib = 79.1', 'memory_gib = 5.0');
writeFileSync(
  tight,
  small.replace('"deepseek-v3.json"', JSON.stringify(join(process.cwd(), 'configs/deepseek-v3.json'))),
);
/** The call with the example's calibration, one of its lines replaced. */
function calibrated(line: string): string[] {
  const [key] = line.split(' ') as [string];
  const text = readFileSync('configs/h800-2048.calibration.toml', 'utf8')
    .replace(new RegExp(`^${key} = .*$`, 'm'), line)
    .replace('"deepseek-v3.json"', JSON.stringify(join(process.cwd(), 'configs/deepseek-v3.json')));
  const file = join(folder, `calibration ${line}.toml`);
  writeFileSync(file, text);
  return [...files, ...step, '--calibration', file];
}

const bad: readonly [what: string, args: readonly string[], code: number, message: RegExp][] = [
  ['no sequences', [...files, '--sequences-per-step', '0', '--sequence-length', '4096'], 2, /no whole number/],
  ['a length that is no number', [...files, '--sequences-per-step', '8', '--sequence-length', 'NaN'], 2, /'NaN'/],
  ['a pipeline that does not divide', [...files, ...step, '--pipeline', '7'], 2, /7 does not divide the 2048 GPUs/],
  ['a size that does not divide', [...files, ...step, '--microbatch-size', '7'], 2, /does not divide the 15360/],
  ['a negative count of experts', [...files, ...step, '--expert', '-4'], 2, /--expert/],
  ['an unknown schedule', [...files, ...step, '--schedule', 'dualpip'], 2, /dualpip/],
  ['a cluster without nodes', ['--model', 'configs/deepseek-v3.json', '--cluster', broken, ...step], 2, /count is 0/],
  ['a file that is not there', ['--model', 'no.json', '--cluster', 'configs/h800-2048.toml', ...step], 2, /no\.json/],
  ['a calibration that is none', [...files, ...step, '--calibration', 'configs/small.toml'], 2, /unknown table/],
  [
    'sequences that no layout divides',
    [...files, '--sequences-per-step', '1', '--sequence-length', '8'],
    1,
    /no layout fits/,
  ],
  [
    'a billion sequences',
    [...files, '--sequences-per-step', '1000000000', '--sequence-length', '8'],
    1,
    /no layout fits/,
  ],
  [
    'too little memory',
    ['--model', 'configs/deepseek-v3.json', '--cluster', tight, ...step, '--calibration', 'none'],
    1,
    /no layout fits: .*rejected for memory: the leanest layout needs at least [\d.]+ GiB a GPU, of 5 GiB; use more GPUs, GPUs with more memory or shorter sequences$/m,
  ],
  [
    'experts over more ranks than there are data ranks',
    [...files, ...step, '--pipeline', '16', '--expert', '256'],
    1,
    /no layout fits: .*: use --expert that divides the data ranks .*at most 128/,
  ],
  [
    'sequences just beside a multiple',
    [...files, '--sequences-per-step', '15361', '--sequence-length', '8'],
    1,
    /: use 15360 or 15424 sequences, a multiple of 64/,
  ],
  ['more stages than layers', [...files, ...step, '--pipeline', '128'], 1, /: use a smaller --pipeline: 62 layers/],
  [
    'too few microbatches for a schedule',
    [...files, '--sequences-per-step', '128', '--sequence-length', '8', '--pipeline', '16', '--schedule', 'dualpipe'],
    1,
    /rejected for limits: use more sequences/,
  ],
  [
    'a calibration without multiprocessors for computation',
    calibrated('communication_sms = 132'),
    2,
    /132, of 132 multi/,
  ],
  ['a calibration without any for communication', calibrated('communication_sms = 0'), 2, /communication_sms is 0/],
  ['a calibration of a layout that cannot be', calibrated('pipeline = 3'), 2, /3 does not divide .*, \[measured\]\)/],
];
describe('doubletrack plan with bad input', () => {
  for (const [what, args, code, message] of bad) {
    it(`answers ${what} in one line with exit code ${code}`, () => {
      const { status, stdout, stderr } = plan(args);
      assert.equal(status, code, stderr);
      assert.equal(stdout, '');
      assert.match(stderr, message);
      // A long search on a busy machine also says how far it is.
      const lines = stderr.trimEnd().split('\n');
      assert.equal(lines.filter((line) => !line.startsWith('plan: ')).length, 1);
    });
  }
});
