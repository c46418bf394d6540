import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { InputError } from '../../base/index.js';
import { writeSafetensors } from '../safetensors.js';
import { type Pickled, writeTorch } from '../test-torch.js';
import { readExpertLoads } from './read-expert-loads.js';
import { makeWriter, readExpertLoadsOfBoth, toLines } from './test-files.js';

const { folder, write } = makeWriter();

const route = { type: 'route', layer: 0, topk_ids: [1] };
const stats = { record_type: 'eplb_load_stats', expert_load: [[1, 2]], p2l_map: [[0, 1]] };
const dict = (entries: Record<string, Pickled>) => writeTorch(new Map(Object.entries(entries)));
const ints = (numbers: readonly number[], shape: readonly number[]) => ({
  storage: 'IntStorage',
  data: Int32Array.from(numbers),
  shape,
});
const records = (record: Record<string, Pickled>, map: Pickled = ints([0, 1], [1, 2])) =>
  dict({ records: [new Map(Object.entries(record))], last_physical_to_logical_map: map });

/** A small file that would need 80 GB, had all rows the length of the first. */
const wide = [Array.from({ length: 1e5 }, () => 0), ...Array.from({ length: 1e5 }, () => [])];

const bad: readonly [name: string, content: unknown, message: RegExp][] = [
  [
    'negative.json',
    { logical_count: [[[1, 2]], [[1, -2]]] },
    /the load of window 1, layer 0, expert 1 is -2 \(.*negative\.json\): give a finite number/,
  ],
  ['nan.json', '{"logical_count": [[1, 2], [NaN, 2]]}', /the load of layer 1, expert 0 is NaN /],
  ['infinite.json', '{"logical_count": [[1, -Infinity]]}', /layer 0, expert 1 is -Infinity /],
  ['huge.json', '{"logical_count": [[1, 1e400]]}', /layer 0, expert 1 is Infinity/],
  ['large.json', '{"logical_count": [[1, 1e300]]}', /layer 0, expert 1 is 1e\+300/],
  ['null.json', { logical_count: [[1, null]] }, /layer 0, expert 1 is null/],
  ['text.json', { logical_count: [[1, 'many']] }, /layer 0, expert 1 is "many"/],
  ['deep.json', { logical_count: [[[[1]]]] }, /layer 0, expert 0 is a list/],
  ['ragged-experts.json', { logical_count: [[1, 2], [1]] }, /layer 1 has 1 experts, the first has 2/],
  ['ragged-layers.json', { logical_count: [[[1], [1]], [[1]]] }, /window 1 has 1 layers, window 0 has 2/],
  ['wide.json', { logical_count: wide }, /layer 1 has 0 experts, the first has 100000/],
  ['wide.jsonl', toLines([{ ...stats, expert_load: wide, p2l_map: wide }]), /layer 1 of p2l_map has not 100000 slots/],
  ['no-layers.json', { logical_count: [[[1]], 7] }, /window 1 is no list of layers/],
  ['no-experts.json', { logical_count: [[[1], null]] }, /layer 1 is no list of experts/],
  ['empty.json', { logical_count: [] }, /the loads are empty/],
  ['empty-window.json', { logical_count: [[[]]] }, /the loads are empty/],
  ['table.json', { logical_count: {} }, /logical_count is no list/],
  ['nothing.json', '', /it is an empty file, not loads/],
  ['number.json', '7', /it is a single number, not loads/],
  [
    'cut.json',
    '{"logical_count": [[1, 2',
    /the JSON was cut: it ends within a list or dict \(.*\): get the file again/,
  ],
  ['cut-text.json', '{"logical_co', /the JSON was cut/],
  ['comma.json', '{"logical_count": [[1, 2],]}', /no valid JSON: .*: write the file again/],
  [
    'keys.json',
    { logical_counts: 1, other: 2 },
    /no loads that are known: its keys are "logical_counts", "other" \(.*\): give what an engine recorded, or a table/,
  ],
  ['nested.json', { a: { b: { c: [[1]] } } }, /name the part of the file that holds the loads, as .*nested\.json#a$/],
  ['no-keys.json', {}, /it is empty/],
  ['placement.json', { physical_to_logical_map: [[0, 1]] }, /it is a placement of SGLang, not loads/],
  ['domain.json', { domains: { arxiv: [[1, 2]], book: [[1, -2]] } }, /layer 0, expert 1 is -2 \(.*, domain 'book'\)/],
  ['coordinates.json', { coordinates: [[1, 2]] }, /these are no loads that are known: its keys are "coordinates"/],
  ['domain-ragged.json', { domains: { arxiv: [[1, 2]], book: [[1]] } }, /window 1, layer 0 has 1 experts/],
  ['history.json', { load_history: [{ logical_expert_load: [[1]] }, {}] }, /window 1 of load_history has no list/],
  ['history-none.json', { load_history: 3 }, /load_history is no list/],
  ['history-empty.json', { load_history: [] }, /the loads are empty/],
  ['keys.jsonl', toLines([{ a: 1 }, { a: 2 }]), /their keys are "a" \(.*keys\.jsonl, line 1\)/],
  [
    'broken.jsonl',
    `${toLines([stats])}\n{"record_type": "eplb_load_stats", "exp\n${toLines([stats])}`,
    /the JSON was cut: .*\(.*broken\.jsonl, line 3\)/,
  ],
  ['mapping.jsonl', toLines([{ record_type: 'eplb_initial_mapping' }]), /it is a placement .*, not loads/],
  ['meta.jsonl', toLines([{ record_type: 'eplb_load_meta' }]), /it has no record eplb_load_stats/],
  ['load.jsonl', toLines([stats, { ...stats, expert_load: [[1, -2]] }]), /layer 0, slot 1 is -2 \(.*line 2\)/],
  [
    'slots.jsonl',
    toLines([{ ...stats, expert_load: [[1, 2, 3]] }]),
    /expert_load has the shape \[1, 3\], p2l_map \[1, 2\]/,
  ],
  [
    'map.jsonl',
    toLines([{ ...stats, p2l_map: [[0, 1e9]] }]),
    /layer 0, slot 1 of the placement holds expert 1000000000 of at most 2/,
  ],
  ['map-half.jsonl', toLines([{ ...stats, p2l_map: [[0, 0.5]] }]), /slot 1 of the placement holds expert 0\.5/],
  ['map-none.jsonl', toLines([{ ...stats, p2l_map: undefined }]), /p2l_map is no list/],
  ['map-ragged.jsonl', toLines([{ ...stats, p2l_map: [[0, 1], [0]] }]), /layer 1 of p2l_map has not 2 slots/],
  ['map-empty.jsonl', toLines([{ ...stats, p2l_map: [[-1, -1]] }]), /the placement has no expert/],
  [
    'fewer.jsonl',
    toLines([stats, { ...stats, p2l_map: [[0, 0]] }]),
    /it has 1 layers of 1 experts, the record before 1 layers of 2/,
  ],
  ['route-id.jsonl', toLines([route, { ...route, topk_ids: [1, 1e9] }]), /topk_ids holds 1000000000, .* \(.*line 2\)/],
  ['route-text.jsonl', toLines([{ ...route, topk_ids: ['1'] }]), /topk_ids holds a string/],
  ['route-layer.jsonl', toLines([{ ...route, layer: -1 }]), /layer is no whole number/],
  ['route-none.jsonl', toLines([{ type: 'other' }, { type: 'other' }]), /no records of loads: their keys are "type"/],
  ['cut-only.jsonl', '{"record_type": "eplb_load_stats", "exp', /the JSON was cut/],
  ['garbage.jsonl', `${toLines([stats])}garbage`, /no valid JSON: .*line 2\)/],
  [
    'route-many.jsonl',
    toLines(Array.from({ length: 300 }, (_, layer) => ({ ...route, layer, topk_ids: [65535] }))),
    /300 layers of 65536 experts are too many/,
  ],
  ['cut.json.gz', gzipSync('{"logical_count": [[1, 2]]}').subarray(0, 30), /the gzip was cut/],
  [
    'bad.json.gz',
    Uint8Array.of(0x1f, 0x8b, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18),
    /the gzip is damaged/,
  ],
  ['bomb.json.gz', gzipSync(Buffer.alloc(301 * 2 ** 20)), /the gzip holds more than 300 MiB/],
  ['text.pt', Uint8Array.of(0xff, 0xfe, 0), /it is a binary file of an unknown kind, not loads/],
  [
    'old.pt',
    Uint8Array.of(0x80, 2, 0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e),
    /it is an old \.pt, from before torch 1\.6, not loads .*: load it and save it/,
  ],
  ['other.pt', dict({ weight: ints([1], [1]) }), /no loads that are known: its keys are "weight" .*other\.pt#weight/],
  [
    'checkpoint.pt',
    dict({ 'a.weight': ints([1], [1]), 'a.bias': ints([1], [1]) }),
    /a checkpoint of a model, not loads/,
  ],
  ['negative.pt', dict({ logical_count: ints([1, 2, 3, -4], [2, 1, 2]) }), /window 1, layer 0, expert 1 is -4/],
  ['shape.pt', dict({ logical_count: ints([1, 2], [2]) }), /the counts have the shape \[2\]/],
  ['empty.pt', dict({ logical_count: ints([], [2, 0]) }), /the loads are empty, of shape \[2,0\]/],
  ['record.pt', records({ forward_pass_id: 1 }), /record 0: global_physical_count is no tensor/],
  ['record-id.pt', records({ forward_pass_id: 'x' }), /record 0: forward_pass_id is no whole number/],
  [
    'record-shape.pt',
    records({ forward_pass_id: 1, global_physical_count: ints([1], [1, 1]) }),
    /shape \[1,1\], the placement \[1, 2\]/,
  ],
  [
    'record-load.pt',
    records({ forward_pass_id: 1, global_physical_count: ints([1, -2], [1, 2]) }),
    /record 0: layer 0, slot 1 has -2 tokens/,
  ],
  ['record-map.pt', records({}, null), /last_physical_to_logical_map is no tensor/],
  ['record-map-id.pt', records({}, ints([0, 2], [1, 2])), /slot 1 of the placement holds expert 2 of at most 2/],
  ['record-none.pt', dict({ records: [], last_physical_to_logical_map: ints([0], [1, 1]) }), /it has no records/],
  ['records.pt', dict({ records: 3, last_physical_to_logical_map: ints([0], [1, 1]) }), /records is no list/],
];

async function rejectsWith(path: string, message: RegExp, read = readExpertLoadsOfBoth): Promise<void> {
  await assert.rejects(read(path), (error) => {
    assert.ok(error instanceof InputError, `${path}: ${error}`);
    assert.match(error.message, message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  });
}

for (const [name, content, message] of bad) {
  test(`${name} is refused in one line that says what is wrong where`, () =>
    rejectsWith(write(name, content), message));
}

test('a path, or a part of a file, that is not there is named', async () => {
  const path = write('parts.json', { a: { olmoe: { c4: [[1, 2]] } } });
  await rejectsWith(`${path}#a/olmo`, /a has no key 'olmo' \(.*parts\.json\): did you mean 'olmoe'\?/);
  await rejectsWith(`${path}#b`, /the file has no key 'b'/);
  await rejectsWith(`${path}#a/__proto__`, /no key '__proto__'/);
  await rejectsWith(`${path}#a/olmoe/c4/0/0/x`, /a\/olmoe\/c4\/0\/0 has no key 'x'/);
  await rejectsWith(`${write('p.pt', dict({}))}#a`, /the file has no key 'a'/);
  await rejectsWith(`${folder}#a`, /#a names a part of a folder .*: leave it out/, readExpertLoads);
  await rejectsWith(join(folder, 'missing.json'), /no such file/);
  await rejectsWith('a\0b', /the path is not valid/, readExpertLoads);
});

test('a folder of loads that do not belong together is refused, and names the file', async () => {
  const run = join(folder, 'run');
  mkdirSync(run);
  write('run/1-2.json', { logical_count: [[[1, 2]], [[3, 4]]] });
  write('run/3-3.json', { logical_count: [[[1, 2, 3]]] });
  await rejectsWith(
    run,
    /it has 1 layers of 3 experts, the first file of the folder 1 layers of 2 experts \(.*3-3\.json\)/,
  );
  write('run/3-3.json', { logical_count: [[[1, -2]]] });
  await rejectsWith(run, /the load of layer 0, expert 1 is -2 \(.*3-3\.json\)/);
  write('run/3-3.json', { steps: [3] });
  await rejectsWith(run, /logical_count is no list \(.*3-3\.json\)/);
  write('run/3-3.json', '{');
  await rejectsWith(run, /the JSON was cut.*3-3\.json/);
  rmSync(join(run, '3-3.json'));
  symlinkSync(join(run, 'nowhere'), join(run, '3-3.json'));
  await rejectsWith(run, /no such file or folder/, readExpertLoads);
  rmSync(join(run, '3-3.json'));
  truncateSync(write('run/3-3.json', ''), 301 * 2 ** 20);
  await rejectsWith(run, /its 2 files hold 301 MiB, more than 300 MiB/);
});

test('a statistics folder that does not hold is refused', async () => {
  const statistics = join(folder, 'trt');
  mkdirSync(statistics);
  const meta = (content: unknown) => write('trt/meta_info.json', content);
  const rank = (number: number, tensors: Readonly<Record<string, readonly number[]>>) =>
    writeSafetensors(
      join(statistics, `rank${number}.safetensors`),
      Object.entries(tensors).map(([name, data]) => ({
        name,
        dtype: 'I32',
        shape: [data.length],
        data: Int32Array.from(data),
      })),
    );
  // A folder without files is none in memory.
  await rejectsWith(statistics, /the folder has no file of loads/, readExpertLoads);
  await rank(0, { '0_3': [1, 2] });
  await rejectsWith(statistics, /the folder has no meta_info\.json/);
  rmSync(join(statistics, 'rank0.safetensors'));
  meta({ num_experts: 1e15 });
  await rejectsWith(statistics, /it has no rank0\.safetensors/);
  await rank(0, { '0_3': [1, 2] });
  await rejectsWith(statistics, /tensor '0_3' has the shape \[2\], meta_info\.json says \[1000000000000000\]/);
  meta({ num_experts: '2' });
  await rejectsWith(statistics, /num_experts is no whole number/);
  meta({ num_experts: 2 });
  await rank(1, { '0_3': [1, -2] });
  await rejectsWith(statistics, /the load of iteration 0, layer 3, expert 1 is -2 \(.*rank1/);
  await rank(1, { '1_4': [1, 2] });
  await rejectsWith(statistics, /iteration 0 has no layer 4/);
  await rank(0, { weight: [1, 2] });
  await rejectsWith(statistics, /tensor "weight" is no <iteration>_<layer>/);
});

/** Reads a file with some bytes changed, or cut: loads or an `InputError` come of it. */
async function readDamaged(path: string, good: Uint8Array, flips: readonly (readonly [number, number])[], cut: number) {
  const bytes = Buffer.from(good.subarray(0, Math.ceil(cut * good.length)));
  for (const [place, mask] of flips) if (bytes.length > 0) bytes[Math.floor(place * bytes.length)]! ^= mask;
  writeFileSync(path, bytes);
  try {
    const { loads } = await readExpertLoadsOfBoth(path.endsWith('.safetensors') ? join(path, '..') : path);
    assert.ok(loads.counts.every((count) => count >= 0 && Number.isFinite(count)));
  } catch (error) {
    assert.ok(error instanceof InputError, String((error as Error).stack));
  }
}

test('a file of more lists than loads have is refused before they are made', async () => {
  const text = `{"logical_count":[${'[],'.repeat(2 ** 23)}[]]}`;
  await assert.rejects(readExpertLoadsOfBoth(write('lists.json', text)), /it has more than 8388608 lists/);
});

test('files that are cut or damaged give loads or an InputError, and nothing else', async () => {
  mkdirSync(join(folder, 'damaged'));
  write('damaged/meta_info.json', { num_experts: 3 });
  const rank = join(folder, 'damaged', 'rank0.safetensors');
  const data = Int32Array.of(1, 2, 3);
  await writeSafetensors(
    rank,
    ['0_0', '0_1', '1_0', '1_1'].map((name) => ({ name, dtype: 'I32', shape: [3], data })),
  );
  const fixtures = 'test/fixtures/sglang-recorder';
  const goods: [string, Uint8Array][] = [
    ['damaged/rank0.safetensors', readFileSync(rank)],
    ['d-stat.pt', readFileSync(join(fixtures, 'sglang-stat.pt'))],
    ['d-pass.pt', readFileSync(join(fixtures, 'sglang-per-pass_0.pt'))],
    ['d-made.pt', dict({ logical_count: ints([1, 2, 3, 4], [2, 1, 2]) })],
    ['d.json', Buffer.from(JSON.stringify({ logical_count: [[[1, 2]], [[3, 4]]] }))],
    ['d.json.gz', gzipSync(JSON.stringify({ load_history: [{ logical_expert_load: [[1, 2]] }] }))],
    ['d-vllm.jsonl', Buffer.from(toLines([stats, stats]))],
    ['d-routes.jsonl', Buffer.from(toLines([route, route]))],
  ];
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const flips = fc.array(fc.tuple(place, fc.integer({ min: 1, max: 255 })), { maxLength: 3 });
  const cut = fc.oneof(fc.constant(1), place);
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...goods), flips, cut, async ([name, good], flips, cut) => {
      await readDamaged(join(folder, name), good, flips, cut);
    }),
    { numRuns: 2000 },
  );
});
