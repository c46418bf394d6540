import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'yaml';
import { createLoads, createMachine, solveBalance } from '../../balance/index.js';
import { prepareLoads } from '../loads-input.js';
import { formatSolution } from '../solution-file.js';
import { launchFlags } from './launch-flags.js';
import { createFile, files, refuses, twoLayers } from './test-files.js';
import { placementFormats } from './types.js';

/** Four experts in six slots of two GPUs, layers 3 and 4. */
const file = createFile(twoLayers, 2, [3, 4]);

describe('the launch of an engine on a placement', () => {
  it('gives SGLang the sizes that it does not read from the file', () => {
    assert.deepEqual(launchFlags(file, 'sglang', 'out/placement.json'), [
      "python -m sglang.launch_server --model-path MODEL --tp-size 2 --ep-size 2 --ep-num-redundant-experts 2 --init-expert-location 'out/placement.json' --ep-dispatch-algorithm dynamic",
    ]);
  });

  it('says that no release of vLLM reads the file', () => {
    assert.deepEqual(launchFlags(file, 'vllm', 'placement.json'), [
      '# No release of vLLM up to 0.33 reads this file. With pull request 41141 (check the names of its options):',
      `vllm serve MODEL --data-parallel-size 2 --enable-expert-parallel --enable-eplb --eplb-config '{"num_redundant_experts":2,"initial_mapping_path":"placement.json","disable_online_rebalancing":true}'`,
    ]);
  });

  it('gives TensorRT-LLM a file of options that names the placement', () => {
    assert.deepEqual(launchFlags(file, 'tensorrt-llm', 'placement.yaml'), [
      "cat > 'placement.options.yaml' <<'END'",
      'enable_attention_dp: true',
      'moe_config:',
      '  backend: WIDEEP',
      '  load_balancer: "placement.yaml"',
      'END',
      "trtllm-serve MODEL --tp_size 2 --ep_size 2 --extra_llm_api_options 'placement.options.yaml'",
    ]);
  });

  it('gives vLLM-Ascend its additional configuration', () => {
    assert.deepEqual(launchFlags(file, 'vllm-ascend', 'placement.json'), [
      `vllm serve MODEL --data-parallel-size 2 --enable-expert-parallel --additional-config '{"eplb_config":{"expert_map_path":"placement.json","num_redundant_experts":2}}'`,
    ]);
  });

  it('is none for our own JSON, which no engine reads', () => {
    assert.deepEqual(launchFlags(file, 'json', 'placement.json'), []);
  });

  it('names a file where no path is given', () => {
    assert.match(launchFlags(file, 'sglang').join('\n'), /'placement\.json'/);
    assert.match(launchFlags(file, 'tensorrt-llm').join('\n'), /"placement\.yaml"/);
  });

  it('asks for another name where the engine takes only .json', () => {
    for (const [format, engine] of [
      ['sglang', 'SGLang'],
      ['vllm-ascend', 'vLLM-Ascend'],
    ] as const) {
      const [first] = launchFlags(file, format, 'placement');
      assert.equal(first, `# ${engine} takes only a file whose name ends in .json: rename it.`);
    }
  });

  it('warns of an expert twice on a GPU in SGLang', () => {
    const [first, second] = launchFlags(createFile([twoLayers[0], [0, 1, 2, 3, 2, 3]], 2, [3, 5]), 'sglang', 'p.json');
    assert.equal(
      first,
      '# In layer 5, GPU 1 holds expert 3 twice: with --moe-a2a-backend other than none, SGLang 0.5.23 loads only the first of the two and still uses both.',
    );
    assert.match(second, /^python -m sglang/);
  });

  it('is refused where the GPUs have different numbers of slots', () => {
    const uneven = { ...createFile(twoLayers, 2), slotStarts: [0, 2, 6] };
    for (const format of placementFormats.filter((name) => name !== 'json'))
      refuses(() => launchFlags(uneven, format, 'p.json'), /GPU 1 has 4 slots in every layer, GPU 0 has 2/);
  });
});

describe('the launch where GPUs are excluded', () => {
  const withEmpty = createFile([[0, 1, -1, -1, 2, 3, 0, 1]], 4);

  it('is of the GPUs that the file has, except in SGLang', () => {
    assert.match(launchFlags(withEmpty, 'vllm').join('\n'), /--data-parallel-size 3 .*"num_redundant_experts":2/);
    assert.match(launchFlags(withEmpty, 'tensorrt-llm').join('\n'), /--tp_size 3 --ep_size 3 /);
    assert.match(
      launchFlags(withEmpty, 'vllm-ascend').join('\n'),
      /--data-parallel-size 3 .*"num_redundant_experts":2/,
    );
  });

  it('is no command in SGLang, but what makes a file that it can start with', () => {
    assert.deepEqual(launchFlags(withEmpty, 'sglang', 'placement.json'), [
      '# SGLang starts with all GPUs of the file, and would send tokens to GPU 1 too.',
      '# To start it on the other 3, place for them alone: --gpus 3 --slots 6',
    ]);
  });
});

/** The arguments that a shell gives to the engine when the lines are pasted, and what the folder then holds. */
function paste(lines: readonly string[], read: (folder: string) => unknown = () => undefined) {
  const folder = mkdtempSync(join(tmpdir(), 'doubletrack-launch-'));
  try {
    for (const program of ['python', 'vllm', 'trtllm-serve']) {
      writeFileSync(join(folder, program), `#!/bin/sh\nfor word in "$@"; do printf '%s\\0' "$word"; done\n`);
      chmodSync(join(folder, program), 0o755);
    }
    const env = { ...process.env, PATH: `${folder}:${process.env.PATH}` };
    const text = execFileSync('sh', ['-c', lines.join('\n')], { cwd: folder, env, encoding: 'utf8' });
    return { words: text.split('\0'), found: read(folder) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe('the lines of a launch, pasted into a shell', () => {
  // A name of a file: no slash, no NUL, at most 255 bytes with what is added to it.
  const names = fc
    .oneof(
      fc.string({
        unit: fc.constantFrom("'", '"', '$', '`', '\\', ' ', '\n', '#', '!', '*', 'a', 'é', ';'),
        maxLength: 12,
      }),
      fc.string({ unit: 'grapheme-ascii', maxLength: 12 }),
    )
    .map((name) => `p${name.replaceAll(/[/\0]/g, '')}.json`);

  it('name the file, whatever its name is', () => {
    fc.assert(
      fc.property(names, files, (path, placed) => {
        const location = paste(launchFlags(placed, 'sglang', path)).words;
        assert.equal(location[location.indexOf('--init-expert-location') + 1], path);
        for (const [format, flag, key] of [
          ['vllm', '--eplb-config', 'initial_mapping_path'],
          ['vllm-ascend', '--additional-config', 'expert_map_path'],
        ] as const) {
          const { words } = paste(launchFlags(placed, format, path));
          const config: { eplb_config?: object } = JSON.parse(words[words.indexOf(flag) + 1]);
          assert.equal(Object.entries(config.eplb_config ?? config).find(([name]) => name === key)?.[1], path);
        }
        const { words, found } = paste(launchFlags(placed, 'tensorrt-llm', path), (folder) =>
          parse(readFileSync(join(folder, `${path}.options.yaml`), 'utf8')),
        );
        assert.equal(words[words.indexOf('--extra_llm_api_options') + 1], `${path}.options.yaml`);
        assert.deepEqual(found, { enable_attention_dp: true, moe_config: { backend: 'WIDEEP', load_balancer: path } });
      }),
      { numRuns: 15 },
    );
  });
});

test('the launches of docs/engines.md are those of a placement in 72 slots of 8 GPUs', () => {
  const text = readFileSync('docs/engines.md', 'utf8');
  const placed = createFile([Array.from({ length: 72 }, (_, slot) => slot % 64)], 8);
  for (const format of placementFormats) assert.ok(text.includes(launchFlags(placed, format).join('\n')), format);
});

test('the file of a solution comes with its launch', () => {
  const loads = createLoads([[[600, 560, 120, 120, 20, 10, 10, 10]]]);
  const recorded = { format: 'adrs', loads, layerNumbers: [0], layerNumbering: 'moe', notes: [] } as const;
  const machine = createMachine({ gpus: 4, slots: 12, excludedGpus: [2] });
  const solution = solveBalance(
    { loads, machine, policy: 'best', strategy: 'global', groups: 1, seed: 0 },
    { now: () => 0 },
  );
  const { launch } = formatSolution(solution, prepareLoads(recorded, {}), 'vllm-ascend', 'out.json');
  assert.match(launch.join('\n'), /--data-parallel-size 3 .*"expert_map_path":"out.json","num_redundant_experts":1/);
  assert.deepEqual(formatSolution(solution, prepareLoads(recorded, {}), 'json', 'out.json').launch, []);
});
