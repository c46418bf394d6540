import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { zipSync } from 'fflate';
import { createLoads } from '../../balance/index.js';
import { InputError } from '../../base/index.js';
import { bytesOfInts, writeNpy } from '../test-npy.js';
import { type Pickled, writeTorch, writeTorchZip } from '../test-torch.js';
import { makeWriter, readExpertLoadsOfBoth as readExpertLoads, refusesLoads, toLines } from './test-files.js';

const { folder, write } = makeWriter();

const ints = (numbers: readonly number[], shape: readonly number[]) => ({
  storage: 'IntStorage',
  data: Int32Array.from(numbers),
  shape,
});
const array = (numbers: readonly number[], shape: readonly number[]) =>
  writeNpy({ descr: '<i4', shape, data: bytesOfInts(numbers) });
const dict = (entries: Record<string, Pickled>) => writeTorch(new Map(Object.entries(entries)));
const csv = (...rows: string[]) => ['layer,expert,count', ...rows].join('\n');

const bad: readonly (readonly [name: string, content: unknown, message: RegExp])[] = [
  ['negative.csv', csv('0,0,5', '0,1,-5'), /layer 0, expert 1 is -5 \(.*negative\.csv, line 3\): give a finite number/],
  ['nan.csv', csv('0,0,nan'), /layer 0, expert 0 is "nan" \(.*line 2\)/],
  ['thousands.csv', csv('0,0,"1,234"'), /layer 0, expert 0 is "1,234" \(.*line 2\)/],
  ['missing.csv', csv('0,0,', '0,1,5'), /layer 0, expert 0 is missing \(.*line 2\)/],
  ['layer.csv', csv('first,0,1'), /the layer is "first" \(.*line 2\): give the number of a layer/],
  ['expert.csv', csv('0,1.5,1'), /the expert is "1\.5" \(.*line 2\)/],
  ['huge-expert.csv', csv('0,999999999,1'), /expert 999999999 is none of at most 65536/],
  ['huge-layer.csv', csv('99999999,0,1'), /the layer is "99999999"/],
  [
    'sparse.csv',
    csv(...Array.from({ length: 1000 }, (_, layer) => `${layer},65000,1`)),
    /1000 layers of 65001 experts are too many for 1000 counts/,
  ],
  ['header.csv', csv(), /it has no counts|a CSV of text/],
  ['two.csv', 'layer,expert,count_a,count_b\n0,0,1,2\n', /several columns may hold the counts: count_a, count_b/],
  ['none.csv', 'layer,expert,name,city\n0,0,bob,rome\n', /no column is known to hold counts: name, city/],
  ['ranks.csv', 'layer,rank_0,rank_1\n3,5,6\n', /its columns are the loads of ranks, not of experts: rank_0, rank_1/],
  ['summary.csv', 'layer,total,mean,max\n3,5,6,7\n', /no column is of an expert: its columns are total, mean, max/],
  ['ragged.csv', '5,6,7\n8,9\n', /it has 2 cells, the first row has 3 \(.*line 2\)/],
  ['again.csv', 'layer,e0,e1\n3,1,2\n4,1,2\n3,1,2\n', /layer 3 comes 2 times, layer 4 1 times/],
  ['same.csv', 'layer,e0,0\n3,1,2\n', /two columns are of the same expert/],
  ['label.csv', 'layer,e0,e1\nfoo,1,2\n', /the row's layer is "foo" \(.*line 2\)/],
  ['quote.csv', csv('0,0,"5'), /a quote has no end \(.*line 2\)/],
  ['text.csv', 'name,city\nbob,rome\n', /it is a CSV of text: its columns are name, city, not loads/],
  [
    'words.txt',
    'These are some words.\nAnd more, of them.\n',
    /it is a text, not loads .*: give what an engine recorded/,
  ],
  ['four.json', [[[[1]]]], /the counts have 4 dimensions/],
  ['text.json', [['a']], /it is no table of loads/],
  ['ragged.json', { 3: [1, 2], 4: [1] }, /'4' has 1 expert, '3' 2 \(.*ragged\.json\)/],
  ['mixed.json', { 3: [1, 2], 4: { 0: 1 } }, /'4' is no list of counts, as the other layers are/],
  ['negative.json', { 3: { 0: -1 } }, /the load of layer 3, expert 0 is -1/],
  ['nan.json', '{"3": {"0": NaN}}', /the load of layer 3, expert 0 is "NaN"/],
  [
    'either.json',
    { 0: [[5, 6]], 1: [[7, 8]] },
    /numbers of layers or of windows.*: name the keys layer_0, layer_1, .* or step_0/,
  ],
  ['holes.json', { step_0: [[1]], step_1: 'none' }, /it holds no loads, as others there do \(.*, step_1\)/],
  ['sizes.json', { step_0: [[1]], step_1: [[1, 2]] }, /it has 1 layer of 2 experts, .*step_0 has 1 layer of 1 expert/],
  [
    'several.json',
    { counts: [[1]], loads: [[2]] },
    /it has several tables: they are "counts", "loads" .*several\.json#counts/,
  ],
  ['slots.json', { physical_counts: [[1, 2]] }, /'physical_counts' is of slots, not of experts/],
  ['python.json', "{'3': {'0': 5}}", /it is a dict as Python prints it, not loads .*: write the table with json\.dump/],
  ['records.json', [{ layer: 0, expert: 0, count: 1 }, { layer: 0 }], /the expert is missing \(.*, entry 1\)/],
  [
    'records.jsonl',
    toLines([
      { layer: 0, counts: [1, 2] },
      { layer: 0, counts: 'x' },
    ]),
    /counts is no list of counts \(.*line 2\)/,
  ],
  ['texts.jsonl', toLines([{ text: 'a' }, { text: 'b' }]), /it is a data set of texts, not loads/],
  ['four.npy', array([1], [1, 1, 1, 1]), /the counts have 4 dimensions, \[1, 1, 1, 1\]/],
  ['number.npy', array([1], []), /it is no table of loads/],
  ['empty.npy', array([], [0, 4]), /the loads are empty, of shape \[0, 4\]/],
  ['negative.npy', array([1, -2], [1, 2]), /layer 0, expert 1 is -2/],
  ['map.npy', array([0, 1, -1, 2], [2, 2]), /it holds -1, as a map of experts or routes do/],
  ['text.npy', writeNpy({ descr: '<U1', shape: [1], data: new Uint8Array(4) }), /a NumPy array of text/],
  [
    'two.npz',
    zipSync({ 'a.npy': array([1, 2], [1, 2]), 'b.npy': array([1, 2], [1, 2]) }),
    /several tables: they are "a", "b"/,
  ],
  [
    'flat.npz',
    zipSync({ 'a.npy': array([1], [1]), 'b.npy': array([1], [1]) }),
    /no loads that are known: .*flat\.npz#a/,
  ],
  [
    'sheet.xlsx',
    zipSync({ 'xl/sheet.xml': Buffer.from('x') }),
    /it is an Excel workbook, not loads .*: save the sheet/,
  ],
  ['several.pt', dict({ a: ints([1, 2], [1, 2]), b: ints([1, 2], [1, 2]) }), /several tables: they are "a", "b"/],
  ['strings.pt', writeTorch(['a', 'b']), /it is no table of loads/],
  ['map.pt', dict({ physical_to_logical_map: ints([0, 1], [1, 2]) }), /it is a placement of SGLang, not loads/],
  ['cut.safetensors', Buffer.from('\x10\0\0\0\0\0\0\0{"a":', 'latin1'), /no safetensors file, or was cut/],
  ['picture.json', Buffer.from('\x89PNG\r\n\x1a\n\0\0', 'latin1'), /it is a picture \(PNG\), not loads/],
  ['frame.csv', Buffer.from('PAR1\x15\0\x15', 'latin1'), /it is a Parquet file, not loads .*: write the table as CSV/],
  ['page.json', '<!DOCTYPE html><html>404</html>', /it is an HTML page, not loads .*: download the file itself/],
  ['config.json', { architectures: ['X'], model_type: 'x' }, /it is a config\.json of a model, not loads/],
  ['tokenizer.json', { model: {}, added_tokens: [] }, /it is a tokenizer\.json, not loads/],
];

for (const [name, content, message] of bad) {
  test(`${name} is refused in one line that says what is wrong, or what it is`, async () => {
    await refusesLoads(write(name, content), message);
  });
}

test('a part that a message names can be read', async () => {
  const files: readonly (readonly [name: string, content: unknown])[] = [
    ['hint.json', { 'a b': { night: [[1, 2]] }, c: 7 }],
    ['hint.csv', 'layer,expert,count_a,count_b\n0,0,1,2\n'],
    ['hint.npz', zipSync({ 'a.npy': array([1, 2], [1, 2]), 'b.npy': array([1, 2], [1, 2]) })],
    ['hint.pt', dict({ x: ints([1, 2], [2]), y: ints([3], [1]) })],
    [
      'hint.jsonl',
      toLines([
        { layer: 0, a: [1, 2], b: [3, 4] },
        { layer: 1, a: [1, 2], b: [3, 4] },
      ]),
    ],
  ];
  for (const [name, content] of files) {
    const message = await readExpertLoads(write(name, content)).then(
      () => assert.fail(name),
      (error: Error) => error.message,
    );
    const part = /name the part of the file that holds the loads, as (?:'([^']+)'|(\S+))$/.exec(message);
    assert.ok(part, message);
    assert.ok((await readExpertLoads(part[1] ?? part[2])).loads.windows > 0);
  }
});

test('the lines of a gzip that was cut are read up to the cut', async () => {
  const stats = (step: number) => ({ record_type: 'eplb_load_stats', step, expert_load: [[1, 2]], p2l_map: [[0, 1]] });
  const whole = gzipSync(toLines(Array.from({ length: 4000 }, (_, step) => stats(step * 7919))));
  const { loads, notes } = await readExpertLoads(write('cut.jsonl.gz', whole.subarray(0, whole.length / 2)));
  assert.ok(loads.windows > 100 && loads.windows < 3900, String(loads.windows));
  assert.equal(notes[0], 'the gzip was cut: what is missing at its end is not read');
  const zeros = `${toLines([stats(1)])}\0\0\0\0`;
  assert.equal((await readExpertLoads(write('zeros.jsonl', zeros))).loads.windows, 1);
  const ended = `${toLines([stats(1)])}{"record_type": "eplb_load_stats", "st\n\n`;
  assert.deepEqual((await readExpertLoads(write('ended.jsonl', ended))).notes, [
    'the last line was cut, and is left out',
  ]);
});

test('a small pickle that stands for endless numbers is refused', async () => {
  const refuses = async (name: string, pickle: string) => {
    const path = write(name, writeTorchZip(Buffer.from(`\x80\x02${pickle}`, 'latin1')));
    await refusesLoads(path, /more than 134217728 numbers/);
  };
  const short = (number: number) => `M${String.fromCharCode(number & 255, number >> 8)}`;
  // A list of 2,000 numbers, one that holds it 2,000 times, by its number in the memo, and one that holds that 2,000 times.
  const ones = `]q\0(${'K\x01'.repeat(2000)}e`;
  await refuses('lists.pt', `${ones}]q\x01(${'h\0'.repeat(2000)}e](${'h\x01'.repeat(2000)}e.`);
  // A dict of 60,000 experts, and one that has it for each of 3,000 layers.
  const experts = Array.from({ length: 60_000 }, (_, expert) => `${short(expert)}K\x01`).join('');
  const layers = Array.from({ length: 3000 }, (_, layer) => `${short(layer)}h\0`).join('');
  await refuses('dicts.pt', `}q\0(${experts}u}(${layers}u.`);
});

test('a window of which the cut line held a layer is left out with it', async () => {
  const line = (step: number, layer: number) => JSON.stringify({ step, layer, counts: [step + 1, layer + 2] });
  const text = [line(0, 0), line(0, 1), line(1, 0), line(1, 1).slice(0, -4)].join('\n');
  const { loads, notes } = await readExpertLoads(write('cut-window.jsonl', text));
  assert.deepEqual(
    loads,
    createLoads([
      [
        [1, 2],
        [1, 3],
      ],
    ]),
  );
  assert.ok(
    notes.includes('the last line was cut, and is left out, and with it the last window, of which a layer is missing'),
  );
  const whole = [line(0, 0), line(0, 1), line(1, 0), line(1, 1), line(2, 0).slice(0, -4)].join('\n');
  assert.equal((await readExpertLoads(write('cut-after.jsonl', whole))).loads.windows, 2);
});

test('tables that are cut or damaged give loads or an InputError, and nothing else', async () => {
  const goods: readonly (readonly [string, Uint8Array])[] = [
    ['d.csv', Buffer.from(csv('0,0,5', '0,1,6', '1,0,7', '"1",1,8'))],
    ['w.csv', Buffer.from('layer,e0,e1\n3,5,6\n4,7,8\n')],
    ['s.txt', Buffer.from('# a\n5.0e+00 6\n7 8\n\n1 2\n3 4\n')],
    ['d.npy', array([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2])],
    ['f.npy', writeNpy({ descr: '>i4', shape: [2, 2], data: bytesOfInts([0, 0, 0, 0]), isFortran: true, version: 2 })],
    ['d.npz', zipSync({ 'a.npy': array([1, 2], [1, 2]) })],
    ['d.json', Buffer.from('{"3":{"0":1,"1":2},"4":{"0":3}}')],
    ['l.json', Buffer.from('{"layer_3":[1,2],"layer_4":[3,4]}')],
    ['n.json', Buffer.from('[[[1,2],[3,4]],[[5,6],[7,8]]]')],
    [
      'r.jsonl',
      Buffer.from(
        toLines([
          { layer: 0, counts: [1, 2] },
          { layer: 1, counts: [3, 4] },
        ]),
      ),
    ],
    [
      'd.pt',
      writeTorch(
        new Map<string, Pickled>([
          ['layer_3', ints([1, 2], [2])],
          ['layer_4', ints([3, 4], [2])],
        ]),
      ),
    ],
    ['p.pkl', Buffer.from('\x80\x04](](K\x05K\x06e](K\x07K\x08ee.', 'latin1')],
  ];
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const flips = fc.array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), { maxLength: 3 });
  const cut = fc.oneof(fc.constant(1), place);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...goods), flips, cut, async ([name, good], changes, end) => {
      const bytes = Buffer.from(good.subarray(0, Math.ceil(end * good.length)));
      for (const [at, mask] of changes) if (bytes.length > 0) bytes[Math.floor(at * bytes.length)] ^= mask;
      const path = join(folder, `damaged-${name}`);
      writeFileSync(path, bytes);
      try {
        const { loads } = await readExpertLoads(path);
        assert.ok(loads.counts.every((count) => count >= 0 && Number.isFinite(count)));
      } catch (error) {
        assert.ok(error instanceof InputError, String((error as Error).stack));
      }
    }),
    { numRuns: 3000 },
  );
});
