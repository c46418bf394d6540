import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createMachine, solveBalance } from '../balance/index.js';
import { formatSolution, type PlacementFormat, prepareLoads, type RecordedLoads } from './browser.js';
import { recordLoads } from './test-loads.js';

const machine = createMachine({ gpus: 2, slots: 4 });
const none = [0, 0, 0, 0];
const some = [5, 1, 2, 3];

function write(recorded: RecordedLoads, format: PlacementFormat, layerOffset?: number) {
  const input = prepareLoads(recorded, { layerOffset });
  const request = { loads: input.loads, machine, policy: 'best', strategy: 'auto', groups: 1, seed: 0 } as const;
  return formatSolution(solveBalance(request, { now: () => 0 }), input, format);
}

/** The numbers of layers that a file has. */
function layersOf(text: string, format: PlacementFormat): readonly number[] {
  if (format === 'tensorrt-llm') return [...text.matchAll(/^ {2}(\d+): \[/gm)].map(([, layer]) => Number(layer));
  const file = JSON.parse(text) as Record<string, unknown>;
  const rows = file.physical_to_logical_map ?? file.layer_list ?? file.layerNumbers ?? file.initial_global_assignments;
  return Object.keys(rows as object).map(Number);
}

const moe = recordLoads([some, some], 'moe');

describe('a file that numbers all layers, of loads that count only those with experts', () => {
  for (const format of ['sglang', 'tensorrt-llm'] as const) {
    it(`warns first of all that the offset is unknown: ${format}`, () => {
      const { text, notes } = write(moe, format);
      assert.match(
        notes[0],
        /^warning: the layer offset is unknown.*numbers them from 0.*--layer-offset 3 for DeepSeek-V3/,
      );
      assert.deepEqual(layersOf(text, format), [0, 1]);
    });

    it(`has the layers of the model where the offset is given, also 0: ${format}`, () => {
      const isWhole = format === 'sglang';
      const shifted = write(moe, format, 3);
      assert.deepEqual(layersOf(shifted.text, format), isWhole ? [0, 1, 2, 3, 4] : [3, 4]);
      assert.doesNotMatch(shifted.notes.join(), /warning/);
      const { text, notes } = write(moe, format, 0);
      assert.deepEqual([layersOf(text, format), notes], [[0, 1], []]);
    });
  }

  it('is never our own JSON, which says what it counts', () => {
    const parse = (layerOffset?: number) => JSON.parse(write(moe, 'json', layerOffset).text) as Record<string, unknown>;
    assert.deepEqual([parse().layerNumbering, parse().layerNumbers], ['moe', [0, 1]]);
    assert.deepEqual([parse(0).layerNumbering, parse(0).layerNumbers], ['absolute', [0, 1]]);
    assert.deepEqual([parse(3).layerNumbering, parse(3).layerNumbers], ['absolute', [3, 4]]);
  });
});

describe('a file that counts layers with experts, of loads that number all', () => {
  const formats = ['vllm', 'vllm-ascend', 'tensorrt-llm'] as const;
  const dense = recordLoads([none, none, some, some], 'absolute');
  const gap = recordLoads([none, some, none, some], 'absolute');

  it('leaves out those without tokens, and says how they are kept', () => {
    for (const format of formats) {
      const { text, notes } = write(dense, format);
      assert.equal(layersOf(text, format).length, 2);
      assert.equal(
        notes[0],
        'layers 0-1 of the model got no tokens: taken for layers without experts and left out of the file; ' +
          'if they have some, say --layer-offset 0',
      );
      assert.equal(layersOf(write(dense, format, 0).text, format).length, 4);
      assert.equal(layersOf(write(dense, format, 1).text, format).length, 3);
    }
  });

  it('says so of a layer between others, which the offset keeps', () => {
    for (const format of formats) {
      const { text, notes } = write(gap, format);
      assert.equal(layersOf(text, format).length, 2);
      assert.match(notes[1], /^layer 2 of the model got no tokens, though layers before did: .* say --layer-offset 1$/);
      const kept = write(gap, format, 1);
      assert.equal(layersOf(kept.text, format).length, 3);
      assert.equal(kept.notes[0], 'layer 0 of the model has no experts: left out of the file');
    }
  });

  it('is refused with an offset before which a layer has tokens', () => {
    for (const format of formats) {
      assert.throws(() => write(dense, format, 3), /layer 2 of the loads has tokens.*: use --layer-offset 2 or less/);
      assert.throws(() => write(recordLoads([none], 'absolute'), format, 3), /use --layer-offset 0 or less/);
    }
  });

  it('is refused with an offset after which a layer has no loads, where it counts', () => {
    const loads = recordLoads([some, some], 'absolute', [3, 5]);
    assert.throws(
      () => write(loads, 'vllm', 3),
      /there are no loads of layer 4, and vllm counts all layers with experts/,
    );
    assert.deepEqual(layersOf(write(loads, 'tensorrt-llm', 3).text, 'tensorrt-llm'), [3, 5]);
    assert.deepEqual(layersOf(write(loads, 'vllm').text, 'vllm'), [0, 1]);
  });

  it('has all layers where no layer has tokens', () => {
    assert.deepEqual(layersOf(write(recordLoads([none, none], 'absolute'), 'vllm').text, 'vllm'), [0, 1]);
  });
});
