import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { createLoads } from '../../balance/index.js';
import { writeSafetensors } from '../safetensors.js';
import { bytesOfInts, writeNpy } from '../test-npy.js';
import { type Pickled, writeTorch, writeTorchZip } from '../test-torch.js';
import { makeWriter, readTable, toLines } from './test-files.js';

const { folder, write } = makeWriter();
const fixtures = 'test/fixtures/loads';

const fourExperts = [120, 250, 90, 40, 88, 190, 12, 60];

describe('files as people have them', () => {
  it('dicts of counts by layer and expert, where a missing key is 0', async () => {
    const { notes, ...table } = await readTable(`${fixtures}/dictcounts.json`);
    assert.deepEqual(table, {
      format: 'table',
      shape: [1, 2, 8],
      counts: [120, 250, 90, 40, 10, 70, 30, 190, 88, 190, 12, 60, 77, 0, 50, 20],
      layerNumbers: [0, 1],
      layerNumbering: 'moe',
      windowNames: undefined,
    });
    assert.deepEqual(notes, [
      'its layers are 0 to 1: taken as those with experts, in their order',
      'the largest expert is 7: taken as 8 experts (--experts E if there are more)',
    ]);
    assert.deepEqual((await readTable(`${fixtures}/dictcounts.json`, 9)).shape, [1, 2, 9]);
  });

  it('dicts of lists by layer, whose numbers are kept', async () => {
    const { counts, layerNumbers, layerNumbering, notes } = await readTable(`${fixtures}/dict-of-lists.json`);
    assert.deepEqual([counts, layerNumbers, layerNumbering], [fourExperts, [3, 4], 'absolute']);
    assert.deepEqual(notes, ["its layers are 3, 4: taken as the model's own numbers"]);
  });

  it('lists of one, two and three dimensions, as the same tensor', async () => {
    const list3 = await readTable(`${fixtures}/list3.json`);
    assert.deepEqual(list3.shape, [2, 2, 4]);
    assert.deepEqual(list3.notes, ['a table without names: taken as 2 windows of 2 layers of 4 experts']);
    const data = Int32Array.from(list3.counts);
    assert.deepEqual(
      await readTable(write('list3.pt', writeTorch({ storage: 'IntStorage', data, shape: [2, 2, 4] }))),
      list3,
    );
    const list1 = await readTable(`${fixtures}/list1.json`);
    assert.deepEqual([list1.shape, list1.counts, list1.layerNumbering], [[1, 1, 4], [120, 250, 90, 40], 'moe']);
    assert.deepEqual(list1.notes, ['a table without names: taken as 1 layer of 4 experts']);
    assert.deepEqual((await readTable(`${fixtures}/ordinal-loads.json`)).shape, [1, 2, 4]);
  });

  it('tables of NumPy and PyTorch, under any name', async () => {
    for (const name of ['x.npy', 'compressed.npz', 'lmdeploy.pt', 'counts.csv'])
      assert.deepEqual((await readTable(`${fixtures}/${name}`)).counts, fourExperts, name);
    assert.deepEqual((await readTable(`${fixtures}/uint16.pt`)).counts, [20, 50, 90, 40, 88, 90, 12, 60]);
    const { shape, notes } = await readTable(`${fixtures}/dict-weight.pt`);
    assert.deepEqual(shape, [1, 3, 8]);
    assert.ok(notes.includes("'weight' is read, the only table in it"));
    const byLayer = await readTable(`${fixtures}/dict-int-1d.pt`);
    assert.deepEqual([byLayer.counts, byLayer.layerNumbers, byLayer.layerNumbering], [fourExperts, [3, 4], 'absolute']);
    // {0: defaultdict(int, {0: 5, 2: 7}), 1: Counter([1, 1, 2])}
    assert.deepEqual((await readTable(`${fixtures}/defaultdict.pt`)).counts, [5, 0, 7, 0, 2, 1]);
  });

  it('the log of a server that was killed, without the line that was cut', async () => {
    const { format, shape, counts, notes } = await readTable(`${fixtures}/cut.jsonl`);
    assert.deepEqual([format, shape, counts], ['vllm', [1, 2, 4], [10, 1, 5, 2, 2, 8, 1, 3]]);
    assert.deepEqual(notes, ['the last line was cut, and is left out']);
  });
});

type Shape = readonly [windows: number, layers: number, experts: number];
type Kind = readonly [name: string, content: unknown, shape: Shape, counts: readonly number[], layers: string];

const json: readonly Kind[] = [
  ['names of layers', { layer_4: [7, 8], layer_3: [5, 6] }, [1, 2, 2], [5, 6, 7, 8], 'absolute 3,4'],
  [
    'names of modules',
    { 'model.layers.1.mlp': [7, 8], 'model.layers.0.mlp': [5, 6] },
    [1, 2, 2],
    [5, 6, 7, 8],
    'absolute 0,1',
  ],
  ['layers from 1', { 1: [5, 6], 2: [7, 8] }, [1, 2, 2], [5, 6, 7, 8], 'absolute 1,2'],
  ['layers with a gap', { 0: [5, 6], 2: [7, 8] }, [1, 2, 2], [5, 6, 7, 8], 'absolute 0,2'],
  [
    'ten layers',
    Object.fromEntries(Array.from({ length: 11 }, (_, layer) => [`layer_${layer}`, [layer + 1]])),
    [1, 11, 1],
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
    'moe 0,1,2,3,4,5,6,7,8,9,10',
  ],
  [
    'a list in each layer',
    { layer_3: { counts: [5, 6], mean: 5.5 }, layer_4: { counts: [7, 8], mean: 7.5 } },
    [1, 2, 2],
    [5, 6, 7, 8],
    'absolute 3,4',
  ],
  [
    'windows in each layer',
    {
      layer_0: [
        [5, 6],
        [1, 2],
      ],
      layer_1: [
        [7, 8],
        [3, 4],
      ],
    },
    [2, 2, 2],
    [5, 6, 7, 8, 1, 2, 3, 4],
    'moe 0,1',
  ],
  ['names of experts', { layer3: { expert_1: 6, expert_0: 5 } }, [1, 1, 2], [5, 6], 'absolute 3'],
  ['names of windows', { step_10: [[5, 6]], step_9: [[7, 8]] }, [2, 1, 2], [7, 8, 5, 6], 'moe 0'],
  [
    'windows of dicts',
    { window_0: { 3: { 0: 5 } }, window_1: { 3: { 1: 7 }, 4: { 0: 1 } } },
    [2, 2, 2],
    [5, 0, 0, 0, 0, 7, 1, 0],
    'absolute 3,4',
  ],
  ['names of ranks', { rank_0: { 3: { 0: 5 } }, rank_1: { 3: { 0: 1, 1: 7 } } }, [1, 1, 2], [6, 7], 'absolute 3'],
  [
    'a dict around it',
    { aggregated_load: { 0: { 0: 5, 1: 3 }, 1: { 0: 1 } }, world_size: 8 },
    [1, 2, 2],
    [5, 3, 1, 0],
    'moe 0,1',
  ],
  ['a table with a name', { expert_counts: [[5, 6]], model: 'x' }, [1, 1, 2], [5, 6], 'moe 0'],
  ['columns', { layer: [3, 3, 4], expert: [0, 1, 1], count: [5, 6, 7] }, [1, 2, 2], [5, 6, 0, 7], 'absolute 3,4'],
  [
    'records',
    [
      { layer: 3, expert: 0, count: 5 },
      { layer: 3, expert: 1, count: 6 },
    ],
    [1, 1, 2],
    [5, 6],
    'absolute 3',
  ],
  ['a list of counts a layer', [{ 0: 5, 1: 6 }, { 0: 7 }], [1, 2, 2], [5, 6, 7, 0], 'moe 0,1'],
  ['a list of dicts a window', [{ 3: [5, 6] }, { 3: [7, 8] }], [2, 1, 2], [5, 6, 7, 8], 'absolute 3'],
  ['windows without tokens', [[[0, 0]], [[5, 6]], [[0, 0]]], [1, 1, 2], [5, 6], 'moe 0'],
  ['lines of lists', '[5, 6]\n[7, 8]\n', [1, 2, 2], [5, 6, 7, 8], 'moe 0,1'],
  ['lines of tables', '[[5, 6]]\n[[7, 8]]\n[[1', [2, 1, 2], [5, 6, 7, 8], 'moe 0'],
  ['records in a dict', { model: 'x', layers: [{ layer: 3, experts: [5, 6] }] }, [1, 1, 2], [5, 6], 'absolute 3'],
  [
    'lines of counts',
    toLines([
      { layer: 3, expert: 0, count: 5 },
      { layer: 3, expert: 1, count: 6 },
    ]),
    [1, 1, 2],
    [5, 6],
    'absolute 3',
  ],
  [
    'lines of layers',
    toLines([
      { step: 0, layer: 3, counts: [5, 6] },
      { step: 1, layer: 3, counts: [7, 8] },
    ]),
    [2, 1, 2],
    [5, 6, 7, 8],
    'absolute 3',
  ],
  [
    'lines of windows',
    toLines([
      { step: 0, counts: [[5, 6]] },
      { step: 1, counts: [[7, 8]] },
    ]),
    [2, 1, 2],
    [5, 6, 7, 8],
    'moe 0',
  ],
];

describe('tables of JSON told by their shape', () => {
  for (const [index, [name, content, shape, counts, layers]] of json.entries()) {
    it(name, async () => {
      const table = await readTable(write(`${index}.json`, content));
      assert.deepEqual([table.shape, table.counts], [shape, counts]);
      assert.equal(`${table.layerNumbering} ${table.layerNumbers.join()}`, layers);
      // What was assumed is said, but of names that leave nothing to assume.
      assert.equal(table.notes.length > 0, name !== 'names of modules');
    });
  }

  it('the first layers without tokens are those without experts, so that a table has all layers', async () => {
    const empty = [0, 0];
    for (const [index, content] of [
      [empty, [5, 6], [7, 8]],
      { 0: empty, 1: [5, 6] },
      [
        [empty, empty],
        [empty, [1, 2]],
      ],
    ].entries()) {
      const { layerNumbering, notes } = await readTable(write(`dense-${index}.json`, content));
      assert.equal(layerNumbering, 'absolute');
      assert.ok(
        notes.includes('the first layer has no tokens, as those without experts: taken as all layers of the model'),
      );
    }
    assert.equal((await readTable(write('last.json', [[5, 6], empty]))).layerNumbering, 'moe');
    assert.equal((await readTable(write('none.json', [empty, empty]))).layerNumbering, 'moe');
  });

  it('a table that could be a placement is read with a question', async () => {
    const { notes } = await readTable(
      write('map.json', [
        [0, 1, 2, 3, 0, 1],
        [3, 2, 1, 0, 3, 2],
      ]),
    );
    assert.ok(notes.some((note) => /as a placement does: are these loads\?/.test(note)));
    const { notes: none } = await readTable(
      write('small.json', [
        [0, 1, 2, 3],
        [3, 2, 1, 1],
      ]),
    );
    assert.ok(!none.some((note) => /placement/.test(note)));
  });
});

test('any loads are read the same from every kind of table', async () => {
  const nested = fc
    .tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 3 }), fc.integer({ min: 2, max: 4 }))
    .chain(([windows, layers, experts]) => {
      const row = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: experts, maxLength: experts });
      const window = fc.array(row, { minLength: layers, maxLength: layers });
      return fc.array(window, { minLength: windows, maxLength: windows });
    })
    // No two windows are the same, so that none looks like warm-up.
    .map((windows) => windows.map((rows, window) => rows.map((row) => row.map((count) => 1000 * window + count))));
  const start = 3;
  await fc.assert(
    fc.asyncProperty(nested, async (windows) => {
      const { counts } = createLoads(windows);
      const shape = [windows.length, windows[0].length, windows[0][0].length];
      const data = Int32Array.from(counts);
      const tensor = { storage: 'IntStorage', data, shape };
      const rows = windows.flatMap((layers, window) =>
        layers.flatMap((row, layer) => row.map((count, expert) => ({ window, layer: layer + start, expert, count }))),
      );
      const array = writeNpy({ descr: '<i4', shape, data: bytesOfInts([...counts]) });
      const byLayer = Object.fromEntries(
        windows[0].map((_, layer) => [`layer_${layer + start}`, windows.map((layers) => layers[layer])]),
      );
      await writeSafetensors(`${folder}/t.safetensors`, [{ name: 'counts', dtype: 'I32', shape, data }]);
      const lines = ['window,layer,expert,count', ...rows.map((row) => Object.values(row).join())];
      const paths = [
        write('t.json', windows),
        write('t.npy', array),
        write('t.npz', zipSync({ 'x.npy': array })),
        write('t.pt', writeTorch(tensor)),
        write(
          'dict.pt',
          writeTorch(
            new Map<string, Pickled>([
              ['x', tensor],
              ['step', 7],
            ]),
          ),
        ),
        `${folder}/t.safetensors`,
        write('layers.json', byLayer),
        write('rows.json', rows),
        write('rows.jsonl', toLines(rows)),
        write('rows.csv', lines.join('\n')),
        write('rows-turned.csv', [lines[0], ...lines.slice(1).reverse()].join('\r\n')),
      ];
      for (const path of paths) {
        const table = await readTable(path);
        assert.deepEqual([table.shape, table.counts], [shape, [...counts]], path);
        const isNamed = /layers|rows/.test(path);
        assert.equal(table.layerNumbering, isNamed ? 'absolute' : 'moe');
        assert.equal(table.layerNumbers[0], isNamed ? start : 0);
      }
    }),
    { numRuns: 20 },
  );
});

test('a pickle of plain data is read, and nothing in it is run', async () => {
  const pickle = (text: string) => write('p.pkl', Buffer.from(`\x80\x04${text}`, 'latin1'));
  assert.deepEqual((await readTable(pickle('](](K\x05K\x06e](K\x07K\x08ee.'))).counts, [5, 6, 7, 8]);
  await assert.rejects(readTable(pickle('cos\nsystem\n.')), /asks for os\.system, which is not run/);
  const torch = writeTorchZip(Buffer.from('cnumpy._core.multiarray\n_reconstruct\n.', 'latin1'));
  await assert.rejects(
    readTable(write('n.pt', torch)),
    /asks for numpy\._core\.multiarray\._reconstruct, which is not run/,
  );
});
