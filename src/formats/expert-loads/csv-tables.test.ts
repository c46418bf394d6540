import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gzipSync } from 'node:zlib';
import { makeWriter, readTable } from './test-files.js';

const { write } = makeWriter();

type Shape = readonly [windows: number, layers: number, experts: number];
type Kind = readonly [name: string, content: unknown, shape: Shape, counts: readonly number[], layers: string];

const csv: readonly Kind[] = [
  ['any order', 'count,layer,expert\n5,3,0\n6,3,1\n7,4,1\n', [1, 2, 2], [5, 6, 0, 7], 'absolute 3,4'],
  ['other names', 'Layer Idx;ExpertID;Num Tokens\r\n3;0;5\r\n3;1;6\r\n', [1, 1, 2], [5, 6], 'absolute 3'],
  ['tabs', 'layer_id\texpert_id\tcount\n0\t1\t5\n', [1, 1, 2], [0, 5], 'moe 0'],
  ['spaces', 'layer expert count\n0 0 5\n0 1 6\n', [1, 1, 2], [5, 6], 'moe 0'],
  ['quotes', '"layer_id","expert_id","count"\n"3","0","5"\n"3","1","6"\n', [1, 1, 2], [5, 6], 'absolute 3'],
  ['a byte order mark', '\ufefflayer_id,expert_id,count\n3,0,5\n', [1, 1, 1], [5], 'absolute 3'],
  ['lines of old Macs', 'layer,expert,count\r0,0,5\r0,1,6\r', [1, 1, 2], [5, 6], 'moe 0'],
  ['windows', 'step,layer,expert,count\n7,0,0,5\n2,0,1,6\n', [2, 1, 2], [0, 6, 5, 0], 'moe 0'],
  ['ranks', 'rank,layer,expert,count\n0,3,0,5\n1,3,0,7\n1,3,1,1\n', [1, 1, 2], [12, 1], 'absolute 3'],
  [
    'modules',
    'layer,expert,count\nmodel.layers.0.mlp,0,5\nmodel.layers.1.mlp,0,6\n',
    [1, 2, 1],
    [5, 6],
    'absolute 0,1',
  ],
  ['shared experts', 'layer,expert,count\n0,0,5\n0,-1,99\n', [1, 1, 1], [5], 'moe 0'],
  ['comments', '# trace\nlayer,expert,count\n0,0,5\n0,1,6\n# total,11\n', [1, 1, 2], [5, 6], 'moe 0'],
  ['names in a comment', '# layer,expert,count\n3,0,10\n3,1,2.5\n', [1, 1, 2], [10, 2.5], 'absolute 3'],
  ['no names', '0,0,5\n0,1,6\n1,0,7\n1,1,8\n', [1, 2, 2], [5, 6, 7, 8], 'moe 0,1'],
  ['whole numbers of pandas', 'layer,expert,count\n3.0,0.0,5.0\n3.0,1.0,6.0\n', [1, 1, 2], [5, 6], 'absolute 3'],
  [
    'a column an expert',
    'layer,exp_0,exp_1,exp_2\n3,5,6,7\n4,8,9,10\n',
    [1, 2, 3],
    [5, 6, 7, 8, 9, 10],
    'absolute 3,4',
  ],
  ['a data frame', ',0,1,2\n0,5,6,7\n1,8,9,10\n', [1, 2, 3], [5, 6, 7, 8, 9, 10], 'moe 0,1'],
  ['a data frame without index', '0,1,2,3\n5,6,7,8\n', [1, 1, 4], [5, 6, 7, 8], 'moe 0'],
  ['nothing but numbers', '5,6,7\n8,9,10\n', [1, 2, 3], [5, 6, 7, 8, 9, 10], 'moe 0,1'],
  [
    'numpy.savetxt',
    '# counts by layer\n5.000000e+00 6.000000e+00\n7.000000e+00 8.000000e+00\n',
    [1, 2, 2],
    [5, 6, 7, 8],
    'moe 0,1',
  ],
  ['numbered rows', '3,5,6\n4,8,9\n5,1,2\n', [1, 3, 2], [5, 6, 8, 9, 1, 2], 'absolute 3,4,5'],
  ['named rows', 'layer_3,5,6\nlayer_4,8,9\n', [1, 2, 2], [5, 6, 8, 9], 'absolute 3,4'],
  [
    'rows of windows',
    'step,layer,e0,e1\n0,3,5,6\n0,4,7,8\n1,3,1,2\n1,4,3,4\n',
    [2, 2, 2],
    [5, 6, 7, 8, 1, 2, 3, 4],
    'absolute 3,4',
  ],
  [
    'layers that come again',
    'layer,e0,e1\n3,5,6\n4,7,8\n3,1,2\n4,3,4\n',
    [2, 2, 2],
    [5, 6, 7, 8, 1, 2, 3, 4],
    'absolute 3,4',
  ],
  ['totals', 'layer,e0,e1,total\n3,5,6,11\n4,7,8,15\ntotal,12,14,26\n', [1, 2, 2], [5, 6, 7, 8], 'absolute 3,4'],
  ['rows of experts', 'expert,layer_3,layer_4\n0,5,6\n1,7,8\n', [1, 2, 2], [5, 7, 6, 8], 'absolute 3,4'],
  ['blocks', '5,6\n7,8\n\n1,2\n3,4\n', [2, 2, 2], [5, 6, 7, 8, 1, 2, 3, 4], 'moe 0,1'],
  ['one column', '5\n6\n7\n', [1, 1, 3], [5, 6, 7], 'moe 0'],
];

describe('tables of CSV', () => {
  for (const [index, [name, content, shape, counts, layers]] of csv.entries()) {
    it(name, async () => {
      const table = await readTable(write(`${index}.csv`, content));
      assert.deepEqual([table.shape, table.counts], [shape, counts]);
      assert.equal(`${table.layerNumbering} ${table.layerNumbers.join()}`, layers);
      // What was assumed is said.
      assert.ok(table.notes.length > 0);
    });
  }

  it('may be in UTF-16 and Windows-1252, and gzipped', async () => {
    const text = 'domain,layer,expert,count\narxiv,0,0,5\nbook,0,0,7\nbook,0,1,1\n';
    const whole = await readTable(write('domains.csv', text));
    assert.deepEqual(
      [whole.counts, whole.windowNames],
      [
        [5, 0, 7, 1],
        ['arxiv', 'book'],
      ],
    );
    const wide = Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, 'utf16le')]);
    assert.deepEqual(await readTable(write('domains-16.csv', wide)), whole);
    assert.deepEqual(await readTable(write('domains.csv.gz', gzipSync(text))), whole);
    const western = await readTable(write('west.csv', Buffer.from('layer;expert;Z\xe4hler\n3;0;5\n', 'latin1')));
    assert.deepEqual(western.counts, [5]);
    assert.ok(western.notes.includes('it is not UTF-8: taken as Windows-1252'));
  });

  it('columns beside the counts are named, and a person may choose one', async () => {
    const path = write('several.csv', 'layer,expert,count_topk,count_top1\n0,0,5,1\n0,1,6,2\n');
    assert.deepEqual((await readTable(`${path}#count_top1`)).counts, [1, 2]);
    const extra = await readTable(write('extra.csv', 'layer,expert,count,share\n0,0,5,0.5\n0,1,5,0.5\n'));
    assert.ok(extra.notes.includes('columns that are not read: share'));
  });
});

describe('a CSV that was cut', () => {
  it('is read without its last row', async () => {
    const texts = ['layer,expert,count\n3,0,5\n3,1,6\n3', 'layer,e0,e1\n3,5,6\n4,7', '5 6\r\n7 8\r\n9'];
    const counts = [
      [5, 6],
      [5, 6],
      [5, 6, 7, 8],
    ];
    for (const [index, text] of texts.entries()) {
      const table = await readTable(write(`cut${index}.csv`, text));
      assert.deepEqual(
        [table.counts, table.notes.includes('the last line was cut, and is left out')],
        [counts[index], true],
      );
    }
    const whole = await readTable(write('whole.csv', 'layer,expert,count\n3,0,5\n3,1,6'));
    assert.deepEqual([whole.counts, whole.notes.some((note) => note.includes('cut'))], [[5, 6], false]);
  });
});

describe('tables that may be numbered from 1', () => {
  it('are read with a warning', async () => {
    const layers = await readTable(write('from-1.csv', 'layer,e0,e1\n1,5,6\n2,7,8\n3,1,2\n'));
    assert.deepEqual(layers.layerNumbers, [1, 2, 3]);
    assert.match(
      layers.notes[0],
      /^warning: its layers are 1 to 3, numbered from 1: layer 0 is taken as dense; number/,
    );
    for (const text of ['layer,expert,count\n0,1,5\n0,2,6\n', 'layer,E1,E2\n0,5,6\n1,7,8\n']) {
      const { notes } = await readTable(write('experts-1.csv', text));
      assert.match(notes[0], /^warning: expert 0 has no tokens, and all others have: number experts from 0/);
    }
    const plain = await readTable(write('from-0.csv', 'layer,e0,e1,e2\n0,5,6,0\n1,0,7,8\n'));
    assert.ok(!plain.notes.some((note) => note.startsWith('warning')));
  });
});
