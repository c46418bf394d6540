import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { bytesOfInts, writeNpy } from '../test-npy.js';
import { makeWriter, readTable, refusesLoads } from './test-files.js';

const { write } = makeWriter();

describe('data frames of pandas with orient=split', () => {
  it('are read by their columns', async () => {
    const data = [
      [3, 0, 5],
      [3, 1, 6],
      [4, 1, 7],
    ];
    const { counts, layerNumbers } = await readTable(
      write('split.json', { columns: ['layer', 'expert', 'count'], index: [0, 1, 2], data }),
    );
    assert.deepEqual(
      [counts, layerNumbers],
      [
        [5, 6, 0, 7],
        [3, 4],
      ],
    );
  });

  it('may have a row a layer, which the index or a column numbers', async () => {
    const data = [
      [5, 6],
      [7, 8],
    ];
    const byIndex = await readTable(write('index.json', { columns: [0, 1], index: ['layer_3', 'layer_7'], data }));
    assert.deepEqual(
      [byIndex.counts, byIndex.layerNumbers],
      [
        [5, 6, 7, 8],
        [3, 7],
      ],
    );
    const named = { columns: ['layer', 'e0', 'e1'], index: [0, 1], data: data.map((row, at) => [at + 3, ...row]) };
    const byColumn = await readTable(write('column.json', named));
    assert.deepEqual(
      [byColumn.counts, byColumn.layerNumbers],
      [
        [5, 6, 7, 8],
        [3, 4],
      ],
    );
    await refusesLoads(write('bad.json', { ...named, data: [[3, 5, 6], 7] }), /it is no row of cells \(.*data 1\)/);
  });
});

describe('rows of layer, expert and count without names', () => {
  it('are read as those of a CSV', async () => {
    const triples = [
      [0, 0, 57],
      [0, 1, 41],
      [1, 0, 44],
      [1, 1, 54],
    ];
    const array = writeNpy({ descr: '<i4', shape: [4, 3], data: bytesOfInts(triples.flat()) });
    for (const path of [write('triples.json', triples), write('triples.npy', array)]) {
      const { shape, counts, notes } = await readTable(path);
      assert.deepEqual(
        [shape, counts],
        [
          [1, 2, 2],
          [57, 41, 44, 54],
        ],
      );
      assert.ok(notes.includes('columns without names: taken as layer, expert, count'));
    }
    const three = await readTable(write('three.json', [...triples, [9, 9, 9]]));
    assert.deepEqual(three.shape, [1, 5, 3]);
  });
});

describe('numbers as NumPy prints them', () => {
  it('are refused', async () => {
    const texts = [
      'array([[852, 640],\n       [183, 815]])\n',
      'counts = np.array([[852, 640],\n [183, 815]])\n',
      '[[852 640]\n [183 815]]\n',
      '[852. 640.]\n',
      'tensor([[852, 640],\n        [183, 815]])\n',
    ];
    for (const [index, text] of texts.entries()) {
      const path = write(`printed${index}.txt`, text);
      await refusesLoads(path, /it is numbers as Python prints them, not loads .*: write the table with json\.dump/);
    }
  });
});
