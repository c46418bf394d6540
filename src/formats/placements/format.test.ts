import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatPlacement, type PlacementFile, placementFormats } from '../index.js';
import { createFile, read, refuses, twoLayers } from './test-files.js';

describe('the text of a placement', () => {
  it('is for SGLang one key, with rows of the trivial map for layers without experts', () => {
    const { text, notes } = formatPlacement(createFile([[0, 1, 2, 3, 2, 3]], 2, [1]), 'sglang');
    assert.equal(text, '{"physical_to_logical_map": [[0,1,2,3,0,1],[0,1,2,3,2,3]]}\n');
    assert.deepEqual(notes, ['row 0 of the file has the trivial map: the placement has no such layer']);
  });

  it('is for TensorRT-LLM YAML with the layers of the model', () => {
    const { text, notes } = formatPlacement(createFile(twoLayers, 2, [3, 4]), 'tensorrt-llm');
    assert.equal(
      text,
      `initial_global_assignments:
  3: [0, 1, 2, 3, 0, 1]
  4: [2, 3, 0, 1, 2, 3]
num_slots: 6
layer_updates_per_iter: 0
`,
    );
    assert.deepEqual(notes, []);
  });

  it('is for vLLM a record that counts layers with experts', () => {
    const { text, notes } = formatPlacement(
      createFile(
        [
          [0, 1, 2, 0],
          [1, 2, 0, 1],
        ],
        2,
        [3, 4],
      ),
      'vllm',
    );
    assert.equal(
      text,
      '{"record_type":"eplb_initial_mapping","version":1,"num_redundant_experts":1,"num_slots":4,"initial_global_assignments":{"0":[0,1,2,0],"1":[1,2,0,1]}}\n',
    );
    assert.equal(notes[0], 'the file counts only layers with experts: its 0 is layer 3 of the model, 1 is layer 4');
  });

  it('is for vLLM-Ascend a list of devices', () => {
    const { text } = formatPlacement(createFile([[7, 2, 0, 3, 5, 6, 1, 4, 7, 2]], 2), 'vllm-ascend');
    assert.equal(
      text,
      '{"moe_layer_count":1,"layer_list":[{"layer_id":0,"device_count":2,"device_list":[' +
        '{"device_id":0,"device_expert":[7,2,0,3,5]},{"device_id":1,"device_expert":[6,1,4,7,2]}]}]}\n',
    );
  });

  it('is in our own JSON all that was given', () => {
    const file = { ...createFile([[0, 1, -1, 1, 0]], 1, [7]), slotStarts: Int32Array.of(0, 3, 5) };
    assert.equal(
      formatPlacement(file, 'json').text,
      '{"experts":2,"slotStarts":[0,3,5],"layerNumbers":[7],"layerNumbering":"absolute","physicalToLogical":[[0,1,-1,1,0]]}\n',
    );
  });
});

describe('GPUs that hold no experts', () => {
  const withEmpty = createFile([[0, 1, -1, -1, 2, 3, -1, -1]], 4);

  it('keep their slots in SGLang, under expert 0, and the note names them', () => {
    const { text, notes } = formatPlacement(withEmpty, 'sglang');
    assert.equal(text, '{"physical_to_logical_map": [[0,1,0,0,2,3,0,0]]}\n');
    assert.deepEqual(notes, [
      'slots 2-3 and 6-7 of GPUs 1 and 3 hold expert 0 in every row of the placement: this stands for excluded GPUs, to which SGLang must not route (elastic EP)',
    ]);
  });

  it('have no slots in the files of the other engines, and the note says so', () => {
    for (const format of ['vllm', 'tensorrt-llm', 'vllm-ascend'] as const) {
      const { text, notes } = formatPlacement(withEmpty, format);
      assert.deepEqual([...read(text).placement.physicalToLogical], [0, 1, 2, 3]);
      assert.match(
        notes.join('\n'),
        /^GPUs 1 and 3 hold no experts and no slots of the file: start .* on the other 2, as its ranks 0-1$/m,
      );
    }
  });
});

describe('a placement that a format cannot hold is refused', () => {
  const engines = placementFormats.filter((format) => format !== 'json');

  it('with uneven slots', () => {
    const file = { ...createFile(twoLayers, 2), slotStarts: [0, 2, 6] };
    for (const format of engines)
      refuses(() => formatPlacement(file, format), /GPU 1 has 4 slots in every layer, GPU 0 has 2/);
  });

  it('with an empty slot on a GPU that holds experts', () => {
    const file = createFile([twoLayers[0]!, [2, 3, 0, 1, -1, 0]], 2, [3, 5]);
    for (const format of engines)
      refuses(() => formatPlacement(file, format), /layer 5, slot 4 is empty, and GPU 1 holds experts/);
  });

  it('with an expert twice on a device of vLLM-Ascend, and only there', () => {
    const file = createFile([twoLayers[0]!, [0, 1, 2, 3, 2, 3]], 2, [3, 5]);
    refuses(() => formatPlacement(file, 'vllm-ascend'), /layer 5, GPU 1 holds expert 3 twice/);
    for (const format of ['sglang', 'vllm', 'tensorrt-llm'] as const)
      assert.ok(formatPlacement(file, format).text !== '');
  });

  const wrong: readonly [name: string, file: PlacementFile, message: RegExp][] = [
    ['an expert without a slot', createFile([[0, 1, 3, 3]], 2), /layer 0 has no slot for expert 2/],
    ['an expert below -1', createFile([[0, 1, -2, 1]], 2), /layer 0, slot 2 holds -2, which is no expert/],
    [
      'too few slots for its size',
      { ...createFile(twoLayers, 2), placement: { ...createFile(twoLayers, 2).placement, slots: 5 } },
      /12 slots for 2 layers of 5/,
    ],
    [
      'GPUs that do not end at the last slot',
      { ...createFile(twoLayers, 2), slotStarts: [0, 3] },
      /ascend from 0 to 6/,
    ],
    ['layers out of order', createFile(twoLayers, 2, [4, 3]), /row 1 is of layer 3, after layer 4/],
    ['a layer number that no model has', createFile(twoLayers, 2, [0, 1e9]), /row 1 is of layer 1000000000/],
    ['a number too few for its layers', createFile(twoLayers, 2, [0]), /1 layer numbers for 2 layers/],
  ];
  for (const [name, file, message] of wrong) {
    it(`with ${name}`, () => {
      for (const format of placementFormats) refuses(() => formatPlacement(file, format), message);
    });
  }
});
