import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../base/index.js';
import { formatPlacement, type PlacementFormat, placementFormats, readPlacement } from '../index.js';
import { createFile, files, read, refuses, twoLayers } from './test-files.js';

const folder = mkdtempSync(join(tmpdir(), 'placements-'));
after(() => rmSync(folder, { recursive: true }));

describe('what is written', () => {
  for (const format of placementFormats) {
    it(`is read again: ${format}`, () => {
      fc.assert(
        fc.property(files, (file) => {
          const recorded = read(formatPlacement(file, format).text, file.placement.experts);
          assert.equal(recorded.format, format);
          if (format === 'sglang') {
            const { slots, physicalToLogical } = recorded.placement;
            const rows = file.layerNumbers.map((layer) =>
              physicalToLogical.subarray(layer * slots, (layer + 1) * slots),
            );
            assert.deepEqual(
              rows.flatMap((row) => [...row]),
              [...file.placement.physicalToLogical],
            );
            assert.equal(recorded.placement.layers, file.layerNumbers.at(-1)! + 1);
            return;
          }
          assert.deepEqual(recorded.placement, file.placement);
          const isOrdinal = format === 'vllm' || format === 'vllm-ascend';
          assert.equal(recorded.layerNumbering, isOrdinal ? 'moe' : 'absolute');
          assert.deepEqual(recorded.layerNumbers, isOrdinal ? [...file.layerNumbers.keys()] : file.layerNumbers);
          if (format === 'json' || format === 'vllm-ascend') assert.deepEqual(recorded.slotStarts, file.slotStarts);
        }),
      );
    });
  }

  it('is read from a file, and an error names the file', () => {
    const path = join(folder, 'placement.yaml');
    writeFileSync(path, formatPlacement(createFile(twoLayers, 2), 'tensorrt-llm').text);
    assert.equal(readPlacement(path, { experts: 4 }).format, 'tensorrt-llm');
    refuses(
      () => readPlacement(path, { experts: 5 }),
      /layer 0 has no slot for expert 4: it places 4 .*placement\.yaml\)/,
    );
    refuses(
      () => readPlacement(path, { experts: 3 }),
      /slot 3 holds 3, .*: it places 4 experts, the loads have 3 \(.*\.yaml\): give a placement and loads of the same model/,
    );
    refuses(() => readPlacement(join(folder, 'none'), { experts: 4 }), /no such file/);
  });

  it('leaves the rows of excluded GPUs readable in SGLang', () => {
    const { text } = formatPlacement(createFile([[0, 1, -1, -1, 2, 3]], 3, [2]), 'sglang');
    assert.deepEqual([...read(text).placement.physicalToLogical.subarray(12)], [0, 1, 0, 0, 2, 3]);
  });
});

describe('a placement of another writer', () => {
  it("is what the command line prints as JSON, without the layers' numbers", () => {
    const { format, layerNumbering, layerNumbers, placement } = read(
      '{"physicalToLogical": [[0,1,2,3,0,1]], "replicas": [[2,2,1,1]], "gpuLoad": [[1,1]], "gap": 0.0}',
    );
    assert.deepEqual([format, layerNumbering, layerNumbers, placement.slots], ['json', 'moe', [0], 6]);
  });

  it('is YAML with lists a line an item, lists named once, and layers in any order', () => {
    const text =
      '# made by hand\ninitial_global_assignments:\n  4: &same\n  - 0\n  - 1\n  3: [1, 0]\n  5: *same\nnum_slots: 2\n';
    const { layerNumbers, placement } = read(text, 2);
    assert.deepEqual(layerNumbers, [3, 4, 5]);
    assert.deepEqual([...placement.physicalToLogical], [1, 0, 0, 1, 0, 1]);
  });

  it('is JSON over several lines, with a byte order mark or not', () => {
    assert.equal(read('{\n "physical_to_logical_map":\n [[0, 1, 2, 3]]\n}').format, 'sglang');
    const path = join(folder, 'mark.json');
    writeFileSync(path, '\ufeff{"physical_to_logical_map": [[0, 1, 2, 3]]}');
    assert.equal(readPlacement(path, { experts: 4 }).format, 'sglang');
  });
});

const vllm = (changes: object) =>
  JSON.stringify({
    record_type: 'eplb_initial_mapping',
    version: 1,
    num_redundant_experts: 0,
    num_slots: 4,
    initial_global_assignments: { 0: [0, 1, 2, 3] },
    ...changes,
  });
const ascend = (changes: object, devices: unknown = [{ device_expert: [0, 1] }, { device_expert: [2, 3] }]) =>
  JSON.stringify({ moe_layer_count: 1, layer_list: [{ device_count: 2, device_list: devices }], ...changes });
const yaml = (row: string, rest = 'num_slots: 4') => `initial_global_assignments:\n  3: ${row}\n${rest}\n`;

const badTexts: readonly [name: string, text: string, message: RegExp][] = [
  ['loads', '{"logical_count": [[1, 2, 3, 4]]}', /it is recorded loads, no placement of a known format \(file\)/],
  ['nothing', ' \n', /it is empty \(file\)/],
  ['an empty list', '[]', /a list of other things, no placement/],
  ['two tables', '{"physicalToLogical": [[0,1,2,3]]}\n{"a": 1}', /it has 2 tables, one after another \(file\)/],
  [
    'an expert that is none',
    '{"physical_to_logical_map": [[0,1,2,3],[0,1,2,4]]}',
    /layer 1, slot 3 holds 4, which is no expert/,
  ],
  ['half an expert', '{"physical_to_logical_map": [[0,1.5,2,3]]}', /layer 0, slot 1 holds 1\.5/],
  ['an expert as text', '{"physical_to_logical_map": [[0,"1",2,3]]}', /layer 0, slot 1 holds "1"/],
  [
    'an empty slot where the format has none',
    '{"physical_to_logical_map": [[0,1,2,3,-1]]}',
    /layer 0, slot 4 holds -1/,
  ],
  ['an expert left out', '{"physical_to_logical_map": [[0,1,2,2]]}', /layer 0 has no slot for expert 3/],
  ['ragged rows', '{"physical_to_logical_map": [[0,1,2,3],[0,1,2,3,0]]}', /layer 1 has 5 slots, layer 0 has 4/],
  ['no rows', '{"physical_to_logical_map": []}', /physical_to_logical_map is empty/],
  ['empty rows', '{"physical_to_logical_map": [[]]}', /layer 0 is empty/],
  ['a row that is no list', '{"physical_to_logical_map": [[0,1,2,3], 7]}', /layer 1 is 7, not a list/],
  ['other experts', '{"physicalToLogical": [[0,1,2,3]], "experts": 8}', /experts is 8, not 4/],
  ['too few layer numbers', '{"physicalToLogical": [[0,1,2,3]], "layerNumbers": [1, 2]}', /2 numbers for 1 layers/],
  [
    'GPUs that do not fill the slots',
    '{"physicalToLogical": [[0,1,2,3]], "slotStarts": [0, 2]}',
    /first slots of the GPUs are wrong/,
  ],
  [
    'a layer of vLLM missing',
    vllm({ initial_global_assignments: { 1: [0, 1, 2, 3] } }),
    /layer 0 is missing of 1 layers/,
  ],
  ['no layers of vLLM', vllm({ initial_global_assignments: {} }), /holds no layers/],
  ['another number of slots', vllm({ num_slots: 5 }), /num_slots is 5 with 4 slots for 4 experts \(file\): make it 4/],
  ['a wrong redundancy', vllm({ num_redundant_experts: 1 }), /num_redundant_experts is 1/],
  ['a later version', vllm({ version: 2 }), /its version is 2/],
  ['statistics of vLLM', vllm({ record_type: 'eplb_load_stats' }), /a record "eplb_load_stats", no placement/],
  ['two placements', `${vllm({})}\n${vllm({})}\n`, /it has 2 placements/],
  ['a broken second line', `${vllm({})}\n{`, /no valid JSON.*\(file, line 2\)/],
  [
    'another number of devices',
    ascend({}, [{ device_expert: [0, 1, 2, 3] }]),
    /layer 0: device_count is 2, device_list has 1/,
  ],
  [
    'uneven devices',
    ascend({}, [{ device_expert: [0, 1, 2] }, { device_expert: [3] }]),
    /layer 0, device 1 has 1 slots/,
  ],
  [
    'an expert twice on a device',
    ascend({}, [{ device_expert: [0, 1, 0] }, { device_expert: [2, 3, 1] }]),
    /layer 0, device 0 holds expert 0 twice/,
  ],
  [
    'a device without experts',
    ascend({}, [{ device_expert: [0, 1, 2, 3] }, {}]),
    /device_expert of layer 0, device 1 is nothing/,
  ],
  ['fewer layers than it counts', ascend({ moe_layer_count: 2 }), /moe_layer_count is 2, layer_list has 1/],
  ['YAML of other slots', yaml('[0, 1, 2, 3]', 'num_slots: 5'), /num_slots is 5, each layer has 4/],
  ['an expert of YAML that is none', yaml('[0, 1, 2, 9]'), /layer 3, slot 3 holds 9/],
  ['a layer twice', yaml('[0, 1, 2, 3]\n  3: [0, 1, 2, 3]'), /the key 3 comes twice/],
  [
    'a layer by name',
    'initial_global_assignments: {"three": [0, 1, 2, 3]}\nnum_slots: 4',
    /the layer "three" is no whole number/,
  ],
  ['a tag', yaml('!!python/object:os.system [0, 1, 2, 3]'), /no valid YAML: Unresolved tag/],
  [
    'negative updates',
    yaml('[0, 1, 2, 3]', 'num_slots: 4\nlayer_updates_per_iter: -1'),
    /layer_updates_per_iter is -1/,
  ],
  ['a table as a key', '? {a: 1}\n: 2\nnum_slots: 4', /a key is no plain value/],
];

describe('a file is refused that has', () => {
  for (const [name, text, message] of badTexts) it(name, () => refuses(() => read(text), message));

  it('names within names that would stand for more than memory holds', () => {
    const levels = Array.from(
      { length: 12 },
      (_, level) => `a${level + 1}: &a${level + 1} [${`*a${level}, `.repeat(9)}]\n`,
    );
    refuses(() => read(`a0: &a0 [1]\n${levels.join('')}num_slots: 4\n`), /no valid YAML: Excessive alias count/);
    refuses(() => read(`num_slots: 4\na: &a 1\nb: [${'*a, '.repeat(2000)}]\n`), /2001 anchors and aliases/);
  });

  it('one long list under many names', () => {
    const layers = Array.from({ length: 900 }, (_, layer) => `  ${layer + 1}: *a\n`).join('');
    refuses(
      () => read(`initial_global_assignments:\n  0: &a [${'0,'.repeat(40_000)}]\n${layers}num_slots: 4\n`),
      /901 layers of 40000 slots/,
    );
  });

  it('lists within lists, as deep as it likes', () => {
    refuses(() => read(`num_slots: ${'['.repeat(100_000)}`), /no valid YAML/);
    refuses(() => read(`${'- '.repeat(50_000)}1`), /no placement|no valid YAML/);
    refuses(() => read('['.repeat(100_000)), /nested deeper/);
  });

  it('damage of any kind, which gives one line and nothing else', () => {
    const damaged = fc
      .record({
        file: files,
        format: fc.constantFrom<PlacementFormat>(...placementFormats),
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        cut: fc.integer({ min: 0, max: 6 }),
        put: fc.oneof(
          fc.string({ maxLength: 4 }),
          fc.constantFrom('[', ']', '{', '}', ',', '"', '\n', '-1', '1e9', ': ', '&a ', '*a', '!!', 'null'),
        ),
      })
      .map(({ file, format, at, cut, put }) => {
        const { text } = formatPlacement(file, format);
        const start = Math.floor(at * text.length);
        return { experts: file.placement.experts, text: text.slice(0, start) + put + text.slice(start + cut) };
      });
    fc.assert(
      fc.property(damaged, ({ experts, text }) => {
        try {
          const { placement } = read(text, experts);
          assert.equal(placement.physicalToLogical.length, placement.layers * placement.slots);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          assert.doesNotMatch(error.message, /\n/);
          assert.match(error.message, /\(file/);
        }
      }),
      { numRuns: 2000 },
    );
  });
});
