import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'balance-'));
after(() => rmSync(folder, { recursive: true }));

interface BalanceJson {
  readonly physicalToLogical: number[][];
  readonly replicas: number[][];
  readonly gpuLoad: number[][];
  readonly balancedness: Record<string, number>;
  readonly lowerBound: number[];
  readonly maxGpuLoad: number[];
  readonly gap: number;
  readonly moves: number;
  readonly duplicates: number;
  readonly migration?: { readonly isWorthIt?: boolean; readonly gain: number };
  readonly traffic?: Record<'before' | 'after' | 'groups', { readonly nodes: number; readonly gpus: number }>;
}

function write(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof value === 'string' ? value : JSON.stringify(value));
  return path;
}

/** Runs `balance` with --json, which must succeed. */
async function balance(line: string): Promise<BalanceJson> {
  const { status, stdout, stderr } = await runCommand(`balance ${line} --json`);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as BalanceJson;
}

/** Runs a command that must fail with exit code 2 and one line. */
async function refusal(line: string): Promise<string> {
  const { status, stdout, stderr } = await runCommand(`balance ${line}`);
  assert.equal(status, 2, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^doubletrack: [^\n]+\n$/);
  return stderr;
}

const hot = write('hot.json', { logical_count: [[600, 560, 120, 120, 20, 10, 10, 10]] });
const layers = write('layers.json', {
  logical_count: [
    [90, 10, 40, 20, 70, 5, 33, 8],
    [1, 2, 3, 400, 5, 6, 7, 8],
  ],
});

describe('doubletrack balance', () => {
  it('gives the document that is promised', async () => {
    const document = await balance(`${layers} --gpus 4 --slots 12`);
    const promised =
      'physicalToLogical replicas gpuLoad balancedness lowerBound maxGpuLoad gap moves duplicates seconds';
    for (const key of promised.split(' ')) assert.ok(key in document, key);
    for (const key of ['ratioOfSums', 'meanOfRatios', 'p50', 'p99']) assert.ok(key in document.balancedness, key);
    assert.deepEqual(
      document.physicalToLogical.map((row) => row.length),
      [12, 12],
    );
    assert.deepEqual(
      document.replicas.map((row) => row.reduce((sum, count) => sum + count, 0)),
      [12, 12],
    );
    assert.deepEqual(
      document.maxGpuLoad,
      document.gpuLoad.map((row) => Math.max(...row)),
    );
  });

  it("reads a training run's folder of loads, and one of its files", async () => {
    const run = join(folder, 'loads');
    mkdirSync(run);
    const hotter = [900, 50, 300, 40, 30, 20, 10, 10, 5, 5, 5, 5, 5, 5, 5, 5];
    const none = new Array<number>(16).fill(0);
    const file = (steps: readonly number[], row: readonly number[]) =>
      JSON.stringify({ logical_count: steps.map(() => [none, row]), steps, layers: [1] });
    writeFileSync(join(run, '0000011-0000013.json'), file([11, 12, 13], hotter));
    writeFileSync(join(run, '0000014-0000014.json'), file([14], hotter.toReversed()));
    const whole = await balance(`${run} --gpus 4 --slots 20`);
    assert.deepEqual(
      whole.gpuLoad.map((row) => Math.round(row.reduce((sum, load) => sum + load, 0))),
      [0, 4 * 1400],
    );
    const last = await balance(`${join(run, '0000014-0000014.json')} --gpus 4 --slots 20`);
    assert.equal(Math.round(last.gpuLoad[1]!.reduce((sum, load) => sum + load, 0)), 1400);
    assert.ok(last.replicas[1]![15]! > 1);
    mkdirSync(join(folder, 'run'));
    cpSync(run, join(folder, 'run', 'loads'), { recursive: true });
    assert.deepEqual((await balance(`${join(folder, 'run')} --gpus 4 --slots 20`)).gpuLoad, whole.gpuLoad);
  });

  it('finds and proves the optimum of a small layer', async () => {
    const { maxGpuLoad, lowerBound, gap, duplicates, replicas } = await balance(`${hot} --gpus 8 --slots 16`);
    assert.deepEqual(replicas, [[4, 3, 1, 3, 1, 1, 1, 2]]);
    assert.ok(Math.abs(maxGpuLoad[0]! - 590 / 3) < 1e-9);
    assert.deepEqual(lowerBound, maxGpuLoad);
    assert.equal(gap, 0);
    assert.equal(duplicates, 0);
  });

  it("gives the reference's placement with --policy deepseek", async () => {
    const golden = JSON.parse(gunzipSync(readFileSync('test/fixtures/eplb.json.gz')).toString()) as {
      weight: number[][];
      phy2log: number[][];
      num_replicas: number;
      num_groups: number;
      num_nodes: number;
      num_gpus: number;
    }[];
    for (const { weight, phy2log, ...sizes } of golden.filter((_, index) => index % 5 === 0)) {
      const path = write('golden.json', { logical_count: weight });
      const flags = `--gpus ${sizes.num_gpus} --slots ${sizes.num_replicas} --nodes ${sizes.num_nodes} --groups ${sizes.num_groups}`;
      const { physicalToLogical } = await balance(`${path} ${flags} --policy deepseek`);
      assert.deepEqual(physicalToLogical, phy2log);
    }
  });
});

describe('what doubletrack balance writes', () => {
  it('shows the load before and after as a picture, on the screen and as SVG', async () => {
    const svg = join(folder, 'load.svg');
    const { status, stdout } = await runCommand(`balance ${layers} --gpus 4 --slots 12 --svg ${svg}`);
    assert.equal(status, 0);
    assert.match(stdout, /before .*after/);
    assert.match(stdout, /layer 0 +[▁▂▃▄▅▆▇█·]+/);
    assert.match(stdout, /ratio of sums \(vLLM\)/);
    assert.match(readFileSync(svg, 'utf8'), /^<svg /);
  });

  for (const format of ['sglang', 'vllm', 'tensorrt-llm', 'vllm-ascend', 'json']) {
    it(`writes the file of ${format}, which score reads`, async () => {
      const file = join(folder, `placement.${format}`);
      const made = await balance(`${layers} --gpus 4 --slots 12 --format ${format} --out ${file}`);
      const { status, stdout, stderr } = await runCommand(`balance score ${file} ${layers} --gpus 4 --json`);
      assert.equal(status, 0, stderr);
      const scored = JSON.parse(stdout) as BalanceJson;
      assert.deepEqual(scored.gpuLoad, made.gpuLoad);
      assert.deepEqual(scored.balancedness, made.balancedness);
    });
  }

  it("prints the engine's file alone with --format and without --out", async () => {
    const { stdout } = await runCommand(`balance ${hot} --gpus 8 --slots 16 --format sglang`);
    assert.deepEqual(Object.keys(JSON.parse(stdout) as object), ['physical_to_logical_map']);
  });

  it('leaves layers without experts out for engines that count only those with', async () => {
    const dense = write('dense.json', {
      logical_count: [
        [0, 0, 0, 0],
        [5, 1, 2, 3],
        [1, 2, 8, 4],
      ],
    });
    const yaml = await runCommand(`balance ${dense} --gpus 2 --slots 4 --format tensorrt-llm`);
    assert.match(yaml.stdout, /^initial_global_assignments:\n {2}1: \[.*\]\n {2}2: \[.*\]\n/);
    assert.match(yaml.stderr, /layer 0 of the model got no tokens/);
    const vllm = await runCommand(`balance ${dense} --gpus 2 --slots 4 --format vllm`);
    const mapping = JSON.parse(vllm.stdout) as { initial_global_assignments: Record<string, number[]> };
    assert.deepEqual(Object.keys(mapping.initial_global_assignments), ['0', '1']);
    const sglang = await runCommand(`balance ${dense} --gpus 2 --slots 4 --format sglang`);
    assert.equal(
      (JSON.parse(sglang.stdout) as { physical_to_logical_map: number[][] }).physical_to_logical_map.length,
      3,
    );
  });

  it('gives excluded GPUs nothing, and says which rows of the file stand for them', async () => {
    const file = join(folder, 'excluded.json');
    const line = `${layers} --gpus 4 --slots 16 --exclude-gpus 1,2 --format sglang --out ${file}`;
    const { physicalToLogical, gpuLoad } = await balance(line);
    for (const row of physicalToLogical) assert.deepEqual(row.slice(4, 12), Array(8).fill(-1));
    for (const row of gpuLoad) assert.deepEqual(row.slice(1, 3), [0, 0]);
    const { stderr } = await runCommand(`balance ${line}`);
    assert.match(stderr, /slots 4-11 of GPUs 1-2 hold expert 0/);
    const scored = await runCommand(`balance score ${file} ${layers} --gpus 4 --exclude-gpus 1,2 --json`);
    assert.deepEqual((JSON.parse(scored.stdout) as BalanceJson).gpuLoad, gpuLoad);
  });

  it('gives fast GPUs more, and takes another number of slots for each GPU', async () => {
    const speeds = write('speeds.json', [2, 1, 1, 1]);
    const fast = await balance(`${layers} --gpus 4 --slots 16 --gpu-speeds ${speeds}`);
    const tokens = fast.gpuLoad[0]!.map((load, gpu) => load * (gpu === 0 ? 2 : 1));
    assert.ok(tokens[0]! > 1.5 * Math.max(...tokens.slice(1)));
    const uneven = await balance(`${layers} --gpus 4 --gpu-slots 5,4,2,1`);
    assert.equal(uneven.physicalToLogical[0]!.length, 12);
  });
});

describe('doubletrack balance with a placement now', () => {
  const later = write('later.json', {
    logical_count: [
      [10, 90, 40, 20, 70, 5, 33, 8],
      [1, 2, 3, 40, 500, 6, 7, 8],
    ],
  });
  const current = join(folder, 'current.json');
  const flags = `${later} --gpus 4 --slots 12 --current ${current}`;

  it('moves nothing when the loads are the same', async () => {
    await balance(`${layers} --gpus 4 --slots 12 --out ${current}`);
    const { moves } = await balance(`${layers} --gpus 4 --slots 12 --current ${current}`);
    assert.equal(moves, 0);
  });

  it('keeps to the moves that are allowed', async () => {
    const now = await balance(`${flags} --max-moves 0`);
    let before = now.maxGpuLoad.reduce((sum, load) => sum + load, 0);
    for (const most of [1, 2, 4, 8]) {
      const { moves, maxGpuLoad } = await balance(`${flags} --max-moves ${most}`);
      const after = maxGpuLoad.reduce((sum, load) => sum + load, 0);
      assert.ok(moves <= most);
      assert.ok(after <= before * (1 + 1e-9));
      before = after;
    }
  });

  it('says whether the moves pay before the next rebalance', async () => {
    const cheap = await runCommand(`balance ${flags} --move-cost 0.01 --interval 1000`);
    assert.match(cheap.stdout, /Move \d+ replicas?: gain \d+\.\d% per step on the one window .*, pays back in /);
    const dear = await runCommand(`balance ${flags} --move-cost 1000 --interval 1`);
    assert.match(dear.stdout, /Keep the placement: .* moves \d+ replicas for a gain of .*, and takes /);
    const { migration, moves } = await balance(`${flags} --move-cost 1000 --interval 1`);
    assert.equal(migration?.isWorthIt, false);
    assert.equal(moves, 0);
  });

  it('moves first what a failed GPU held, and fails with exit code 1 where that is not allowed', async () => {
    const line = `balance ${layers} --gpus 4 --slots 12 --exclude-gpus 0 --current ${current} --max-moves`;
    const { status, stderr } = await runCommand(`${line} 0`);
    assert.equal(status, 1);
    assert.match(stderr, /replicas must move at least/);
    assert.equal((await runCommand(`${line} 20`)).status, 0);
  });
});

describe('doubletrack balance with routes', () => {
  // Experts 0 to 3 are used together, and so are 4 to 7, but their numbers alternate.
  const lines = Array.from({ length: 400 }, (_, token) => ({
    type: 'route',
    req_id: 'r',
    token_idx: token,
    layer: 0,
    topk_ids: token % 2 === 0 ? [0, 2, (token % 4) + 4] : [1, 3, token % 3 === 0 ? 5 : 7],
    topk_weights: [0.5, 0.3, 0.2 + token / 1e4],
  }));
  const routes = write('routes.jsonl', lines.map((line) => JSON.stringify(line)).join('\n'));

  it('keeps experts that tokens use together on one node, and compares with groups', async () => {
    const plain = await balance(`${routes} --gpus 4 --slots 8 --nodes 2 --strategy global`);
    const { traffic } = await balance(
      `${routes} --gpus 4 --slots 8 --nodes 2 --groups 4 --strategy global --traffic 2`,
    );
    assert.ok(traffic!.after.nodes <= plain.traffic!.after.nodes);
    assert.ok(traffic!.after.nodes < traffic!.before.nodes);
    assert.ok(traffic!.groups.nodes >= 1 && traffic!.groups.gpus >= traffic!.groups.nodes);
  });

  it('refuses --traffic for loads without routes', async () => {
    assert.match(await refusal(`${layers} --gpus 4 --slots 8 --traffic 1`), /--traffic needs routes/);
  });
});

describe('doubletrack balance refuses, in one line and without writing', () => {
  const out = join(folder, 'never.json');
  const refused: readonly (readonly [name: string, line: string, message: RegExp])[] = [
    ['no loads', '--gpus 4 --slots 8', /the loads are missing/],
    ['no GPUs', `${layers} --slots 8`, /number of GPUs is missing/],
    ['no slots', `${layers} --gpus 4`, /number of slots is missing/],
    ['fewer slots than experts', `${layers} --gpus 2 --slots 6`, /6 slots cannot hold 8 experts/],
    ['slots that do not divide', `${layers} --gpus 3 --slots 10`, /10 slots do not divide by 3 GPUs/],
    [
      'nodes that do not divide',
      `${layers} --gpus 4 --slots 8 --nodes 8 --groups 8`,
      /4 GPUs do not divide by 8 nodes/,
    ],
    ['a GPU that is not there', `${layers} --gpus 4 --slots 8 --exclude-gpus 4`, /no GPU 4 to exclude/],
    ['moves from nowhere', `${layers} --gpus 4 --slots 8 --max-moves 3`, /add --current FILE/],
    ['half a verdict', `${layers} --gpus 4 --slots 8 --current ${layers} --interval 3`, /need each other/],
    [
      'groups that do not divide',
      `${layers} --gpus 4 --slots 8 --groups 3 --strategy hierarchical`,
      /do not divide by 3 groups/,
    ],
    ['windows for deepseek', `${layers} --gpus 4 --slots 8 --policy deepseek --robust mean`, /knows neither windows/],
    ['speeds for deepseek', `${layers} --gpus 4 --slots 12 --policy deepseek --exclude-gpus 1`, /all used and alike/],
    ['loads as a placement', `${layers} --gpus 4 --slots 8 --current ${layers}`, /layers\.json/],
    [
      'a flag of balance for score',
      `score ${layers} ${layers} --policy best --gpus 4`,
      /--policy means nothing to score/,
    ],
  ];
  for (const [name, line, message] of refused) {
    it(name, async () => {
      assert.match(await refusal(line.startsWith('score') ? line : `${line} --out ${out}`), message);
      assert.equal(existsSync(out), false);
    });
  }
});

describe('doubletrack balance cross-validate', () => {
  const fixture = 'test/fixtures/olmoe-mixtral-expert-counts.json#expert_counts/olmoe';

  it('places without each domain and measures on it', async () => {
    const line = `balance cross-validate ${fixture} --gpus 8 --slots 64 --normalize --seeds 1 --json`;
    const { status, stdout } = await runCommand(line);
    assert.equal(status, 0);
    const { windows, mean } = JSON.parse(stdout) as {
      windows: { leftOut: string }[];
      mean: Record<string, number>;
    };
    assert.deepEqual(
      windows.map(({ leftOut }) => leftOut),
      ['arxiv', 'book', 'c4', 'github', 'tulu', 'wikipedia'],
    );
    // The policy without a memory for windows has a known value here; placements that were made for all other domains beat it.
    assert.ok(Math.abs(mean.deepseek! - 0.6971) < 1e-4);
    assert.ok(mean['robust mean']! > 0.72 && mean['robust worst']! > 0.72);
  });
});

describe("the library 'doubletrack/balance'", () => {
  it('runs the example', () => {
    const text = execFileSync(process.execPath, ['examples/balance.mjs'], { encoding: 'utf8' });
    assert.match(text, /DeepSeek's EPLB: .*; largest 232\.00/);
    assert.match(text, /best: .*; largest 196\.67/);
  });
});

describe('loads as people have them', () => {
  const loads = 'test/fixtures/loads';
  /** Balancedness as a ratio of sums, to four digits, and the largest GPU loads. */
  const figures = ({ balancedness, maxGpuLoad }: BalanceJson) => [balancedness.ratioOfSums.toFixed(4), ...maxGpuLoad];

  it('are read whatever wrote them', async () => {
    const two = '--gpus 2 --slots';
    assert.deepEqual(figures(await balance(`${loads}/dictcounts.json ${two} 10`)), ['0.9992', 400, 249]);
    assert.deepEqual(figures(await balance(`${loads}/list3.json ${two} 6`)), ['0.8681', 370, 282]);
    const table = await balance(`${loads}/counts.csv ${two} 6`);
    for (const name of ['x.npy', 'compressed.npz', 'dict-of-lists.json'])
      assert.deepEqual((await balance(`${loads}/${name} ${two} 6`)).gpuLoad, table.gpuLoad, name);
    assert.equal((await balance(`${loads}/list1.json ${two} 6`)).gpuLoad.length, 1);
    assert.equal((await balance(`${loads}/dict-weight.pt ${two} 10`)).gpuLoad.length, 3);
    assert.equal((await balance(`${loads}/trt-i64 ${two} 10`)).gpuLoad.length, 2);
  });

  it('may be several files, or a folder of them', async () => {
    const dumps = readdirSync(`${loads}/dumps`).map((name) => `${loads}/dumps/${name}`);
    const folder = await balance(`${loads}/dumps --gpus 2 --slots 10`);
    const files = await balance(`${dumps.join(' ')} --gpus 2 --slots 10`);
    assert.deepEqual(files.gpuLoad, folder.gpuLoad);
    const one = await balance(`${dumps[0]} --gpus 2 --slots 10`);
    const sum = (rows: number[][]) => Math.round(rows.flat().reduce((total, load) => total + load, 0));
    assert.equal(sum(folder.gpuLoad), 2 * sum(one.gpuLoad));
    const { status, stderr } = await runCommand(
      `balance cross-validate ${dumps.join(' ')} --gpus 2 --slots 10 --seeds 1`,
    );
    assert.equal(status, 0, stderr);
  });

  it('come with a note of what was assumed or left out', async () => {
    const notes = async (line: string) => (await runCommand(`balance ${line} --json`)).stderr;
    assert.match(
      await notes(`${loads}/cut.jsonl --gpus 2 --slots 6`),
      /^note: the last line was cut, and is left out$/m,
    );
    assert.match(await notes(`${loads}/list3.json --gpus 2 --slots 6`), /taken as 2 windows of 2 layers of 4 experts/);
    const sparse = await notes(`${loads}/dictcounts.json --gpus 2 --slots 10`);
    assert.match(sparse, /taken as 8 experts \(--experts E if there are more\)/);
    assert.equal((await balance(`${loads}/dictcounts.json --experts 10 --gpus 2 --slots 12`)).replicas[0]!.length, 10);
  });

  it('may be a part of a file, which is named as the message says', async () => {
    const path = write('two.csv', 'layer,expert,count_a,count_b\n0,0,1,9\n0,1,2,8\n');
    const [, hint] = /as (\S+)\n$/.exec(await refusal(`${path} --gpus 2 --slots 2`)) ?? [];
    assert.equal(hint, `${path}#count_a`);
    assert.deepEqual((await balance(`${hint} --gpus 2 --slots 2`)).maxGpuLoad, [2]);
  });

  it('are not what is something else, which is named', async () => {
    const other = [
      [write('tokenizer.json', { model: {}, added_tokens: [] }), /it is a tokenizer\.json, not loads/],
      [write('people.csv', 'name,city\nbob,rome\n'), /it is a CSV of text: its columns are name, city, not loads/],
      [
        write('trace.json', { displayTimeUnit: 'ms', traceEvents: [] }),
        /it is a trace\.json of a run or schedule, not loads/,
      ],
    ] as const;
    for (const [path, message] of other) assert.match(await refusal(`${path} --gpus 2 --slots 6`), message);
  });
});
