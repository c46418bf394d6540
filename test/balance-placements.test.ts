import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { runCommand } from './run-command.js';

const folder = mkdtempSync(join(tmpdir(), 'balance-placements-'));
after(() => rmSync(folder, { recursive: true }));

const fixtures = 'test/fixtures/placements';
const ordinal = `${fixtures}/ordinal-loads.json`;
const sglang = `${fixtures}/sglang-placement.json`;

function write(name: string, value: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, JSON.stringify(value));
  return path;
}

interface Scored {
  readonly balancedness: { readonly ratioOfSums: number };
  readonly gpuLoad: readonly (readonly number[])[];
  readonly slotStarts: readonly number[];
  readonly layerNumbering: string;
}

/** Runs a command with --json, which must succeed; what it prints, and its notes. */
async function run(line: string): Promise<{ readonly document: Scored; readonly notes: string }> {
  const { status, stdout, stderr } = await runCommand(`balance ${line} --json`);
  assert.equal(status, 0, stderr);
  return { document: JSON.parse(stdout) as Scored, notes: stderr };
}

/** Runs a command that must fail with exit code 2 and one line. */
async function refusal(line: string): Promise<string> {
  const { status, stdout, stderr } = await runCommand(`balance ${line}`);
  assert.equal(status, 2, stderr);
  assert.equal(stdout, '');
  assert.match(stderr, /^doubletrack: [^\n]+\n$/);
  return stderr;
}

describe('doubletrack balance with files that count layers differently', () => {
  it('asks for the offset by name, and is right with the one that it advises', async () => {
    const line = `score ${sglang} ${ordinal} --gpus 2`;
    const stderr = await refusal(line);
    assert.match(
      stderr,
      /the loads count only layers with experts \(0-1\), the placement counts all layers of the model/,
    );
    const [, offset] = /with --layer-offset which .*: (\d+) brings/.exec(stderr) ?? [];
    assert.equal(offset, '1');
    const { document } = await run(`${line} --layer-offset ${offset}`);
    assert.ok(Math.abs(document.balancedness.ratioOfSums - 0.8478) < 5e-5);
    assert.equal(document.layerNumbering, 'absolute');
    const other = await run(`${line} --layer-offset 0`);
    assert.ok(Math.abs(other.document.balancedness.ratioOfSums - 0.729) < 5e-5);
  });

  it('asks for it with --current too', async () => {
    const line = `${ordinal} --gpus 2 --current ${sglang}`;
    assert.match(
      await refusal(line),
      /say with --layer-offset which is the model's first layer with experts: 1 brings/,
    );
    const { document, notes } = await run(`${line} --layer-offset 1 --max-moves 0`);
    assert.ok(Math.abs(document.balancedness.ratioOfSums - 0.8478) < 5e-5);
    assert.match(notes, /^note: layer 0 of .*sglang-placement\.json is not in the loads: left out$/m);
  });

  for (const format of ['sglang', 'tensorrt-llm']) {
    it(`warns that the offset is unknown where it writes for ${format}, and not once it is given`, async () => {
      const line = `balance ${ordinal} --gpus 2 --slots 6 --format ${format}`;
      const { status, stderr } = await runCommand(line);
      assert.equal(status, 0);
      assert.match(stderr, /^warning: the layer offset is unknown/);
      for (const offset of [0, 3]) {
        const given = await runCommand(`${line} --layer-offset ${offset}`);
        assert.doesNotMatch(given.stderr, /warning/);
      }
    });
  }

  it('keeps layers without tokens where the note that leaves them out says how', async () => {
    const dense = write('dense.json', {
      logical_count: [
        [0, 0, 0, 0],
        [5, 1, 2, 3],
      ],
    });
    const line = `balance ${dense} --gpus 2 --slots 4 --format vllm`;
    const { stdout, stderr } = await runCommand(line);
    const layersOf = (text: string) =>
      Object.keys((JSON.parse(text) as { initial_global_assignments: object }).initial_global_assignments);
    assert.deepEqual(layersOf(stdout), ['0']);
    const [, flag] = /if it has some, say (--layer-offset \d+)/.exec(stderr) ?? [];
    assert.deepEqual(layersOf((await runCommand(`${line} ${flag}`)).stdout), ['0', '1']);
  });
});

describe('doubletrack balance with the placements that people have', () => {
  const eight = write('eight.json', {
    domains: {
      a: [
        [90, 10, 40, 20, 70, 5, 33, 8],
        [1, 2, 3, 400, 5, 6, 7, 8],
      ],
    },
  });

  it('takes the GPUs from a file that says them, and says so', async () => {
    const { document, notes } = await run(`score ${fixtures}/expert_map.pth ${eight}`);
    assert.match(notes, /^note: 2 GPUs, as .*expert_map\.pth says$/m);
    assert.deepEqual(document.gpuLoad, [
      [160, 116],
      [406, 26],
    ]);
    const moved = await run(`${ordinal} --current ${fixtures}/map-nodevcount.json`);
    assert.deepEqual(moved.document.slotStarts, [0, 2, 4]);
  });

  it('takes them from our own document, also where GPUs have different slots', async () => {
    const placed = join(folder, 'uneven.json');
    const made = await run(`${eight} --gpus 3 --gpu-slots 5,4,2 --out ${placed}`);
    const { document, notes } = await run(`score ${placed} ${eight}`);
    assert.deepEqual([document.gpuLoad, document.slotStarts], [made.document.gpuLoad, [0, 5, 9, 11]]);
    assert.match(notes, /^note: 3 GPUs, as /m);
  });

  it('refuses other GPUs than the file says', async () => {
    const line = `score ${fixtures}/map-nodevcount.json ${ordinal}`;
    assert.match(
      await refusal(`${line} --gpus 4`),
      /it lies on 2 GPUs, --gpus says 4 .*: use --gpus 2, or leave it out/,
    );
    await run(`${line} --gpus 2`);
    const without = await refusal(`${line} --gpus 3 --exclude-gpus 1`);
    assert.match(
      without,
      /: use --gpus 2 and leave out --exclude-gpus, as the file has only the GPUs that hold experts/,
    );
    assert.match(
      await refusal(`score ${sglang} ${ordinal} --layer-offset 1`),
      /number of GPUs is missing: add --gpus G/,
    );
  });

  it('says what was assumed about a file', async () => {
    const { notes } = await run(`score ${fixtures}/map-layerid.json ${ordinal}`);
    assert.match(notes, /^note: layer_id is not the position of layers 0-1 in layer_list .*: read by position/m);
    const plain = await run(`score ${fixtures}/map-plain.json ${ordinal} --gpus 2`);
    assert.deepEqual(plain.document.gpuLoad, [
      [65, 65],
      [110, 20],
    ]);
  });

  it('names a file that is no placement for what it looks like', async () => {
    assert.match(await refusal(`score configs/deepseek-v3.json ${ordinal} --gpus 2`), /a model's config\.json/);
    assert.match(await refusal(`${ordinal} --gpus 2 --current ${ordinal}`), /it looks like recorded loads/);
  });
});

describe('doubletrack balance never overwrites an input', () => {
  const placement = join(folder, 'placement.json');
  const loads = join(folder, 'loads.json');
  copyFileSync(`${fixtures}/map-plain.json`, placement);
  copyFileSync(ordinal, loads);
  const current = `${loads} --gpus 2 --current ${placement}`;

  it('with the placement now, the loads or a picture, also under another name', async () => {
    const link = join(folder, 'link.json');
    symlinkSync(placement, link);
    for (const line of [
      `${current} --out ${placement}`,
      `${current} --out ${link}`,
      `${current} --out ${loads}`,
      `${loads}#a --gpus 2 --slots 6 --out ${loads}`,
      `${current} --svg ${placement}`,
      `score ${placement} ${loads} --gpus 2 --svg ${loads}`,
    ])
      assert.match(await refusal(line), /it is an input of this call, which would be overwritten/);
    assert.deepEqual(readFileSync(placement), readFileSync(`${fixtures}/map-plain.json`));
    assert.deepEqual(readFileSync(loads), readFileSync(ordinal));
  });

  it('with a file of a folder of loads', async () => {
    const run = join(folder, 'run');
    mkdirSync(run);
    const steps = join(run, '0000001-0000001.json');
    writeFileSync(steps, JSON.stringify({ logical_count: [[[5, 1, 2, 3]]], steps: [1], layers: [0] }));
    assert.match(await refusal(`${run} --gpus 2 --slots 4 --out ${steps}`), /an input of this call/);
  });

  it('and goes on to overwrite other files', async () => {
    const out = write('out.json', 'before');
    await run(`${current} --out ${out}`);
    assert.match(readFileSync(out, 'utf8'), /physicalToLogical/);
  });
});

describe('doubletrack balance with nodes that do not divide the GPUs', () => {
  it('is refused with those that do, unless it does as DeepSeek does', async () => {
    const line = `${ordinal} --gpus 4 --slots 8 --nodes 3`;
    assert.match(await refusal(line), /4 GPUs do not divide by 3 nodes: use 1, 2 or 4 nodes/);
    assert.match(await refusal(`score ${fixtures}/map-plain.json ${ordinal} --gpus 6 --nodes 4`), /by 4 nodes/);
    const { notes } = await run(`${line} --policy deepseek`);
    assert.match(notes, /placed as on one node, as DeepSeek's policy does/);
  });
});
