import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { formatPlacement } from '../browser.js';
import { bytesOfInts, writeNpy } from '../test-npy.js';
import { type Pickled, writeTorch } from '../test-torch.js';
import { files, read, readBytes, refuses, rowsOf } from './test-files.js';

const fixture = (name: string) => new Uint8Array(readFileSync(`test/fixtures/placements/${name}`));
const int32 = (rows: readonly number[], shape: readonly number[]): Pickled => {
  return { storage: 'IntStorage', data: Int32Array.from(rows), shape };
};

const twoRows = [
  [0, 1, 2, 3, 0, 1],
  [3, 2, 1, 0, 3, 2],
];
const sixSlots = [0, 3, 6];

describe('a file of vLLM-Ascend or MindIE', () => {
  it('need not count its devices', () => {
    const recorded = readBytes(fixture('map-nodevcount.json'));
    assert.deepEqual(rowsOf(recorded), [
      [2, 0, 3, 1],
      [0, 1, 2, 3],
    ]);
    assert.deepEqual([recorded.format, recorded.slotStarts, recorded.notes], ['vllm-ascend', [0, 2, 4], []]);
  });

  it('is read by position, as the engine does, and a layer_id that says otherwise is noted', () => {
    const recorded = readBytes(fixture('map-layerid.json'));
    assert.deepEqual(rowsOf(recorded)[0], [2, 0, 3, 1]);
    assert.deepEqual(recorded.notes, [
      'layer_id is not the position of layers 0-1 in layer_list (1 at 0): read by position, as vLLM-Ascend does',
    ]);
  });

  it('is noted where device_id says otherwise, and where it has more layers than it counts', () => {
    const devices = [
      { device_id: 1, device_expert: [0, 1] },
      { device_id: 0, device_expert: [2, 3] },
    ];
    const { notes } = read(
      JSON.stringify({ moe_layer_count: 1, layer_list: [{ device_list: devices }, { device_list: devices }] }),
    );
    assert.match(notes.join('\n'), /^moe_layer_count is 1, layer_list has 2 layers: all of them are read$/m);
    assert.match(notes.join('\n'), /^device_id is not the position in the lists of layers 0-1: read by position/m);
  });

  it('may be its list of layers alone', () => {
    const recorded = read('[{"device_list": [{"device_expert": [0, 1]}, {"device_expert": [2, 3]}]}]');
    assert.deepEqual([recorded.format, recorded.slotStarts], ['vllm-ascend', [0, 2, 4]]);
  });
});

describe('a table of slots', () => {
  it('is a list of lists, which counts the layers that have experts', () => {
    const recorded = readBytes(fixture('map-plain.json'));
    assert.deepEqual(rowsOf(recorded), twoRows);
    assert.deepEqual([recorded.format, recorded.layerNumbering, recorded.layerNumbers], ['table', 'moe', [0, 1]]);
    assert.equal(recorded.slotStarts, undefined);
  });

  it('may have a list of slots for each GPU, which need not be as many', () => {
    const even = read(JSON.stringify(twoRows.map((row) => [row.slice(0, 3), row.slice(3)])));
    assert.deepEqual([rowsOf(even), even.slotStarts], [twoRows, sixSlots]);
    const uneven = read(JSON.stringify(twoRows.map((row) => [row.slice(0, 4), row.slice(4)])));
    assert.deepEqual([rowsOf(uneven), uneven.slotStarts], [twoRows, [0, 4, 6]]);
  });

  it('may have a row on each line', () => {
    assert.deepEqual(rowsOf(read(twoRows.map((row) => JSON.stringify(row)).join('\n'))), twoRows);
  });

  it('of one row is that of every layer', () => {
    const recorded = read('[0, 1, 2, 3, 0, 1]');
    assert.equal(recorded.isOfEveryLayer, true);
    assert.deepEqual(recorded.notes, ['the one list of file is that of every layer']);
  });

  it('may have its layers, and its GPUs, by number', () => {
    const byLayer = read(
      '{"1": [3,2,1,0,3,2], "0": {"0": [0,1,2], "1": [3,0,1]}}'.replace('[3,2,1,0,3,2]', '[[3,2,1],[0,3,2]]'),
    );
    assert.deepEqual([rowsOf(byLayer), byLayer.slotStarts, byLayer.layerNumbering], [twoRows, sixSlots, 'moe']);
    const later = read('3: [0, 1, 2, 3]\n5: [3, 2, 1, 0]\n');
    assert.deepEqual([later.layerNumbers, later.layerNumbering], [[3, 5], 'absolute']);
    assert.match(later.notes.join(), /its layers are taken for those of the model/);
  });

  it('may name its layers as weights do', () => {
    const named = read('{"model.layers.3.mlp": [0,1,2,3], "model.layers.10.mlp": [3,2,1,0]}');
    assert.deepEqual([named.layerNumbers, named.layerNumbering], [[3, 10], 'absolute']);
    assert.deepEqual(read('{"layer_1": [3,2,1,0], "layer_0": [0,1,2,3]}').layerNumbering, 'moe');
    refuses(() => read('{"layer_1": [3,2,1,0], "layer-1": [0,1,2,3]}'), /two of its keys name the same layer/);
  });

  it("may lie under the name that DeepSeek's EPLB has for it, or under the only one that is a table", () => {
    const named = read(JSON.stringify({ phy2log: twoRows, logcnt: [[2, 2, 1, 1]] }));
    assert.deepEqual([rowsOf(named), named.notes], [twoRows, ['read is "phy2log" of file']]);
    assert.deepEqual(rowsOf(read(JSON.stringify({ seed: 3, best: twoRows }))), twoRows);
  });

  it('is what torch.save wrote: a tensor, one a layer, or a table of them', () => {
    const flat = twoRows.flat();
    const layers: readonly (readonly [Pickled, readonly number[] | undefined])[] = [
      [int32(flat, [2, 6]), undefined],
      [int32(flat, [2, 2, 3]), sixSlots],
      [twoRows.map((row) => int32(row, [6])), undefined],
      [twoRows.map((row) => int32(row, [2, 3])), sixSlots],
      [twoRows, undefined],
      [[int32(flat, [2, 6]), int32([...flat, ...flat], [2, 4, 3]), int32(Array(8).fill(1), [2, 4])], undefined],
      [new Map([['phy2log', int32(flat, [2, 6])]]), undefined],
      [new Map(twoRows.map((row, layer) => [String(layer), int32(row, [6])])), undefined],
    ];
    for (const [value, slotStarts] of layers) {
      const recorded = readBytes(writeTorch(value));
      assert.deepEqual([rowsOf(recorded), recorded.slotStarts], [twoRows, slotStarts]);
      assert.equal(recorded.layerNumbering, 'moe');
    }
  });
});

describe('a table of slots is refused', () => {
  const wrong: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    ['other GPUs in a layer', '[[[0,1],[2,3]],[[0,1,2],[3]]]', /row 1, GPU 0 has 3 slots, in row 0 it has 2/],
    ['GPUs in one layer alone', '[[[0,1],[2,3]],[0,1,2,3]]', /row 1 has no list of GPUs, row 0 has 2 GPUs/],
    ['a GPU left out', '{"0": {"0": [0,1], "2": [2,3]}}', /layer 0 has no GPU 1/],
    ['lists too deep', '[[[[0,1],[2,3]]]]', /slot 0 holds a list, which is no expert/],
    ['more experts than the loads', '[[0,1,2,3,4,5],[5,4,3,2,1,0]]', /it places 6 experts, the loads have 4/],
    ['fewer experts than the loads', '[[0,1,2],[2,1,0]]', /expert 3: it places 3 experts, the loads have 4/],
    ['counts in it', '[[90, 10, 20, 30]]', /it looks like recorded loads/],
    ['the same layer twice', '{"layers": 1}\n{"layers": 2}', /it has 2 tables/],
    ['too many layers', `[${'[0],'.repeat(20_000)}[0]]`, /it has 20001 layers/],
  ];
  for (const [name, text, message] of wrong) it(`with ${name}`, () => refuses(() => read(text), message));
});

describe('a file of SGLang', () => {
  it('may be what torch.save wrote', () => {
    const recorded = readBytes(writeTorch(new Map([['physical_to_logical_map', int32(twoRows.flat(), [2, 6])]])));
    assert.deepEqual([recorded.format, recorded.layerNumbering, rowsOf(recorded)], ['sglang', 'absolute', twoRows]);
  });

  it('with other keys is read, with a note that its loader refuses them', () => {
    const { notes, format } = read('{"physical_to_logical_map": [[0,1,2,3]], "logical_count": [[9,1,2,3]]}');
    assert.equal(format, 'sglang');
    assert.deepEqual(notes, ['not read: "logical_count", which SGLang does not take in such a file']);
  });

  it('may be a recording, of which the placement at its end is read', () => {
    const bytes = new Uint8Array(readFileSync('test/fixtures/sglang-recorder/sglang-per-pass_0.pt'));
    const recorded = readBytes(bytes, 4);
    assert.deepEqual([recorded.format, recorded.layerNumbering], ['sglang', 'absolute']);
    assert.match(recorded.notes.join(), /it is a recording: read is last_physical_to_logical_map/);
  });
});

describe('a file of vLLM', () => {
  const mapping = {
    record_type: 'eplb_initial_mapping',
    version: 1,
    num_slots: 4,
    initial_global_assignments: { 0: [0, 1, 2, 3] },
  };

  it('may have keys that are not known, beside what was recorded', () => {
    const meta = { record_type: 'eplb_load_meta', version: 1, num_layers: 1 };
    const recorded = read([meta, { ...mapping, made_by: 'me' }].map((record) => JSON.stringify(record)).join('\n'));
    assert.deepEqual([rowsOf(recorded), recorded.layerNumbering], [[[0, 1, 2, 3]], 'moe']);
    assert.deepEqual(recorded.notes, ['not read: "made_by", which vLLM does not take in such a file']);
  });

  it('may be its recorded loads, of which the placement at the last step is read', () => {
    const step = (p2l_map: readonly (readonly number[])[]) =>
      JSON.stringify({ record_type: 'eplb_load_stats', version: 1, step: 1, expert_load: [[1, 1, 1, 1]], p2l_map });
    const recorded = read(`${step([[0, 1, 2, 3]])}\n${step([[3, 1, 2, 0]])}\n`);
    assert.deepEqual([rowsOf(recorded), recorded.format], [[[3, 1, 2, 0]], 'vllm']);
    assert.match(recorded.notes.join(), /recorded loads: read is p2l_map/);
  });

  it('may be of a plugin, with the maps of several models', () => {
    const format = 'vllm_offline_eplb_physical_to_logical';
    const one = read(JSON.stringify({ version: 1, format, num_moe_layers: 2, physical_to_logical_map: twoRows }));
    assert.deepEqual([one.format, one.layerNumbering, rowsOf(one)], ['vllm', 'moe', twoRows]);
    const model_maps = {
      DraftMtp: { physical_to_logical_map: twoRows.slice(0, 1) },
      ForCausalLM: { physical_to_logical_map: twoRows },
    };
    const several = read(JSON.stringify({ version: 2, format: `${format}_by_model`, model_maps }));
    assert.deepEqual(rowsOf(several), twoRows);
    assert.deepEqual(several.notes, ['read is the map of "ForCausalLM", which has most layers, not "DraftMtp"']);
  });
});

describe('a file of TensorRT-LLM', () => {
  it('may be JSON, with the numbers of layers as texts, and lack what each layer says', () => {
    const recorded = read('{"initial_global_assignments": {"3": [0,1,2,3], "10": [3,2,1,0]}, "num_slots": 4}');
    assert.deepEqual([recorded.format, recorded.layerNumbers], ['tensorrt-llm', [3, 10]]);
    const { notes } = read('initial_global_assignments:\n  "3": [0, 1, 2, 3]\nnum_experts: 4\n');
    assert.match(notes.join('\n'), /^not read: "num_experts", which TensorRT-LLM does not take in such a file$/m);
    assert.match(notes.join('\n'), /^it does not say num_slots/m);
  });

  it("may be a part of the model's options, or named there", () => {
    const inside = '      initial_global_assignments:\n        3: [0, 1, 2, 3]\n      num_slots: 4\n';
    const options = read(`enable_attention_dp: true\nmoe_config:\n  backend: WIDEEP\n  load_balancer:\n${inside}`);
    assert.deepEqual([options.format, options.layerNumbers, options.notes], ['tensorrt-llm', [3], []]);
    refuses(
      () => read('moe_config:\n  load_balancer: eplb.yaml\n'),
      /its load balancer is in another file, "eplb\.yaml"/,
    );
  });

  it('is noted where the engine moves experts as it runs', () => {
    const { notes } = read('initial_global_assignments: {3: [0, 1, 2, 3]}\nnum_slots: 4\nlayer_updates_per_iter: 2');
    assert.match(notes.join(), /layer_updates_per_iter is 2: TensorRT-LLM moves experts as it runs/);
  });

  it('is refused with a layer twice, as a number and as a text', () => {
    const text = 'initial_global_assignments:\n  3: [0, 1, 2, 3]\n  "3": [0, 1, 2, 3]\nnum_slots: 4\n';
    refuses(() => read(text), /the key 3 comes twice, as a number and as a text/);
  });
});

describe('our own JSON', () => {
  it('says what the numbers of its layers count', () => {
    fc.assert(
      fc.property(files, fc.constantFrom('moe' as const, 'absolute' as const), (file, layerNumbering) => {
        const recorded = read(formatPlacement({ ...file, layerNumbering }, 'json').text, file.placement.experts);
        assert.deepEqual([recorded.layerNumbering, recorded.layerNumbers], [layerNumbering, file.layerNumbers]);
      }),
    );
    refuses(() => read('{"physicalToLogical": [[0,1,2,3]], "layerNumbering": "all"}'), /layerNumbering is "all"/);
  });
});

describe('a gzip', () => {
  it('is read as what is in it', () => {
    const text = new TextEncoder().encode(JSON.stringify(twoRows));
    assert.deepEqual(rowsOf(readBytes(new Uint8Array(gzipSync(text)))), twoRows);
    assert.equal(readBytes(new Uint8Array(gzipSync(fixture('expert_map.pth'))), 8).format, 'expert map');
  });

  it('that was cut or damaged is refused', () => {
    const bytes = new Uint8Array(gzipSync(fixture('map-plain.json')));
    refuses(() => readBytes(bytes.subarray(0, 20)), /the gzip was cut \(file\)/);
    refuses(() => readBytes(bytes.map((byte, index) => (index === 3 ? 0xff : byte))), /the gzip is damaged \(file\)/);
  });
});

describe('a placement of NumPy', () => {
  it('is read as a table of slots, of any whole numbers', () => {
    const array = writeNpy({ descr: '<i4', shape: [2, 6], data: bytesOfInts(twoRows.flat()) });
    assert.deepEqual(rowsOf(readBytes(array)), twoRows);
  });

  it('is refused where a number is no expert', () => {
    const array = writeNpy({ descr: '<i4', shape: [1, 6], data: bytesOfInts([0, 1, 2, 3, 9, 1]) });
    refuses(() => readBytes(array), /holds 9/);
  });
});
