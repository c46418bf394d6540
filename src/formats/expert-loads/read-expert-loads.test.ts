import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { createLoads } from '../../balance/index.js';
import { writeSafetensors } from '../safetensors.js';
import { writeTorch } from '../test-torch.js';
import { makeWriter, readExpertLoadsOfBoth as readExpertLoads, toLines } from './test-files.js';

const { folder, write } = makeWriter();
// Counts of allenai/OLMoE (Apache-2.0), scripts/routing_output.
const olmoe = 'test/fixtures/olmoe-mixtral-expert-counts.json';

type Nested = readonly (readonly (readonly number[])[])[];

/** Windows that are none of them 0, nor equal at the start. */
const nestedLoads: fc.Arbitrary<Nested> = fc
  .tuple(fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 5 }))
  .chain(([windows, layers, experts]) => {
    const row = fc.array(fc.nat(2 ** 31 - 1), { minLength: experts, maxLength: experts });
    const window = fc.array(row, { minLength: layers, maxLength: layers });
    return fc.array(window, { minLength: windows, maxLength: windows });
  })
  .map((windows) =>
    windows.map((rows, window) => rows.map((row) => row.map((count, i) => (i === 0 ? window + 1 : count)))),
  );

async function checkRead(path: string, format: string, nested: Nested): Promise<void> {
  const recorded = await readExpertLoads(path);
  assert.equal(recorded.format, format);
  assert.deepEqual(recorded.loads, createLoads(nested));
  assert.equal(recorded.layerNumbers.length, recorded.loads.layers);
}

function tensorOf(nested: Nested) {
  const shape = [nested.length, nested[0]!.length, nested[0]![0]!.length];
  return { storage: 'IntStorage', data: Int32Array.from(nested.flat(2)), shape };
}

test('any loads are read the same from the files of each engine', async () => {
  await fc.assert(
    fc.asyncProperty(nestedLoads, async (nested) => {
      const sglang = { logical_count: nested };
      await checkRead(write('a.json', sglang), 'sglang', nested);
      await checkRead(write('indented.json', JSON.stringify(sglang, null, 2)), 'sglang', nested);
      await checkRead(write('a.json.gz', gzipSync(JSON.stringify(sglang))), 'sglang', nested);
      await checkRead(write('a.pt', writeTorch(new Map([['logical_count', tensorOf(nested)]]))), 'sglang', nested);
      await checkRead(write('b.pt', writeTorch(tensorOf(nested))), 'table', nested);
      const adrs = { load_history: nested.map((rows) => ({ logical_expert_load: rows })) };
      await checkRead(write('b.json', adrs), 'adrs', nested);
      const domains = Object.fromEntries(nested.map((rows, window) => [`d${window}`, rows]));
      await checkRead(`${write('c.json', { kind: domains })}#kind`, 'domains', nested);
      await checkRead(write('d.json', { domains, more: 1 }), 'domains', nested);
      // Each expert in one slot, in reverse.
      const record_type = 'eplb_load_stats';
      const stats = nested.map((rows, step) => {
        const p2l_map = rows.map((row) => row.map((_, slot) => row.length - 1 - slot));
        return { record_type, version: 1, step, expert_load: rows.map((row) => row.toReversed()), p2l_map };
      });
      await checkRead(write('e.jsonl', toLines([{ record_type: 'eplb_load_meta' }, ...stats])), 'vllm', nested);
      await checkRead(write('f.jsonl', toLines(stats)), 'vllm', nested);
      const early = stats.map(({ expert_load, p2l_map }) => ({ expert_load, p2l_map }));
      await checkRead(write('g.jsonl', toLines(early)), 'vllm', nested);
    }),
    { numRuns: 30 },
  );
});

test('TensorRT-LLM statistics are summed over ranks, in the order of iterations, with the numbers of their layers', async () => {
  const statistics = mkdtempSync(join(folder, 'trt-'));
  for (const rank of [0, 1]) {
    const tensors = [9, 100].flatMap((iteration) =>
      [3, 12].map((layer) => {
        const data = Int32Array.of(iteration, layer, rank);
        return { name: `${iteration}_${layer}`, dtype: 'I32' as const, shape: [3], data };
      }),
    );
    await writeSafetensors(join(statistics, `rank${rank}.safetensors`), tensors);
  }
  for (const other of ['rank0_raw', 'cooccurrence_rank0', 'token_selected_experts_rank0'])
    write(join(statistics.slice(folder.length + 1), `${other}.safetensors`), 'is not read');
  write(join(statistics.slice(folder.length + 1), 'meta_info.json'), { num_experts: 3, num_experts_per_token: 2 });
  const { loads, layerNumbers, layerNumbering, notes } = await readExpertLoads(statistics);
  assert.deepEqual(
    loads,
    createLoads([
      [
        [18, 6, 1],
        [18, 24, 1],
      ],
      [
        [200, 6, 1],
        [200, 24, 1],
      ],
    ]),
  );
  assert.deepEqual(layerNumbers, [3, 12]);
  assert.equal(layerNumbering, 'absolute');
  assert.deepEqual(notes, ['the files of 2 ranks were summed']);
});

test('a recording of SGLang that torch wrote is read: physical slots are summed for each expert', async () => {
  const stat = await readExpertLoads('test/fixtures/sglang-recorder/sglang-stat.pt');
  assert.deepEqual([stat.loads.windows, stat.loads.layers, stat.loads.experts], [3, 2, 4]);
  assert.deepEqual(stat.notes, []);
  const { loads, placement, notes } = await readExpertLoads('test/fixtures/sglang-recorder/sglang-per-pass_0.pt');
  // Slots of layer 0 hold 0 1 2 3 0 1 and got 7 8 ... 12 less 7 tokens, plus the number of the pass.
  assert.deepEqual([...loads.counts.subarray(0, 8)], [18, 20, 9, 10, 13, 14, 32, 34]);
  assert.deepEqual([...loads.counts.subarray(8)], [20, 22, 10, 11, 14, 15, 34, 36]);
  assert.equal(placement?.slots, 6);
  assert.deepEqual([...placement.physicalToLogical], [0, 1, 2, 3, 0, 1, 0, 1, 2, 3, 2, 3]);
  assert.deepEqual(notes, ['only the file of one rank is here: the counts of other ranks are not in it']);
});

test('steps that the ring buffer never reached are left out, and layers without tokens are named', async () => {
  const nothing = [
    [0, 0],
    [0, 0],
  ];
  const { loads, notes } = await readExpertLoads(
    write('r.json', {
      logical_count: [
        nothing,
        [
          [0, 0],
          [1, 2],
        ],
        nothing,
      ],
    }),
  );
  assert.deepEqual(
    loads,
    createLoads([
      [
        [0, 0],
        [1, 2],
      ],
    ]),
  );
  assert.deepEqual(notes, ['2 unused rows of the ring buffer left out', '1 layer without tokens (dense ones?): 0']);
  const empty = await readExpertLoads(write('z.json', { logical_count: [nothing, nothing] }));
  assert.equal(empty.loads.windows, 1);
  assert.ok(empty.notes.includes('warning: no expert has a token: nothing says where experts belong'));
});

test('one step may be without a list of steps, and ranks may stand where steps stand elsewhere', async () => {
  await checkRead(write('1.json', { logical_count: [[1, 2]], more: {} }), 'sglang', [[[1, 2]]]);
  const ranks = { logical_count: [[[1, 2]], [[3, 4]]], logical_count_layout: 'rank_layer_expert' };
  await checkRead(write('2.json', ranks), 'sglang', [[[4, 6]]]);
});

test('a placement that changes while vLLM records is followed, and the last is kept', async () => {
  const record = (p2l_map: number[][], expert_load: number[][]) => ({
    record_type: 'eplb_load_stats',
    p2l_map,
    expert_load,
  });
  const path = write('v.jsonl', toLines([record([[0, 1, 0]], [[1, 2, 3]]), record([[1, 0, 1, -1]], [[1, 2, 3, 9]])]));
  const { loads, placement, notes } = await readExpertLoads(path);
  assert.deepEqual(loads, createLoads([[[4, 2]], [[2, 4]]]));
  assert.deepEqual([...placement!.physicalToLogical], [1, 0, 1, -1]);
  assert.deepEqual(notes, ['the placement changed 1 times while it was recorded']);
});

test('routes are counted, and kept for each layer', async () => {
  const route = (layer: number, topk_ids: number[]) => ({ type: 'route', req_id: 'r', token_idx: 0, layer, topk_ids });
  const lines = [route(5, [0, 2]), { type: 'meta', topk_ids: 'none' }, route(3, [1]), route(5, [2, -1, 3])];
  const path = write('routes.jsonl', toLines(lines));
  const { format, loads, layerNumbers, routes } = await readExpertLoads(path);
  assert.equal(format, 'routes');
  assert.deepEqual(
    loads,
    createLoads([
      [
        [0, 1, 0, 0],
        [1, 0, 2, 1],
      ],
    ]),
  );
  assert.deepEqual(layerNumbers, [3, 5]);
  assert.deepEqual(routes, {
    layers: 2,
    topK: 3,
    chosen: [Int32Array.of(1, -1, -1), Int32Array.of(0, 2, -1, 2, -1, 3)],
  });
  assert.equal((await readExpertLoads(path, { experts: 60 })).loads.experts, 60);
  await assert.rejects(
    readExpertLoads(path, { experts: 3 }),
    /topk_ids holds 3, which is no expert below 3 \(.*line 4\)/,
  );
  assert.equal((await readExpertLoads(write('one.jsonl', toLines([route(0, [1])])))).format, 'routes');
});

test('the domains of a model are windows with names, found by their keys in the file', async () => {
  const { loads, windowNames, layerNumbering } = await readExpertLoads(`${olmoe}#expert_counts/olmoe`);
  assert.deepEqual(windowNames, ['arxiv', 'book', 'c4', 'github', 'tulu', 'wikipedia']);
  assert.deepEqual([loads.windows, loads.layers, loads.experts, layerNumbering], [6, 3, 64, 'moe']);
  const one = await readExpertLoads(`${olmoe}#expert_counts/olmoe/book`);
  assert.deepEqual(one.windowNames, ['book']);
  assert.deepEqual(one.loads.counts, loads.counts.subarray(3 * 64, 2 * 3 * 64));
  const odd = write('a#b.json', { logical_count: [[1]] });
  assert.equal((await readExpertLoads(odd)).format, 'sglang');
});

const warm = [[5, 5, 5, 5]];
const real = [[[1, 2, 3, 4]], [[2, 2, 3, 4]], [[2, 2, 3, 4]]];

test('windows that are equal at the start are reported as warm-up, and left out when asked', async () => {
  const path = write('w.json', {
    load_history: [warm, warm, warm, ...real].map((rows) => ({ logical_expert_load: rows })),
  });
  const kept = await readExpertLoads(path);
  assert.equal(kept.loads.windows, 6);
  assert.deepEqual(kept.notes, ['the first 3 windows are the same: warm-up? --trim-warmup leaves them out']);
  const trimmed = await readExpertLoads(path, { trimWarmup: true });
  assert.deepEqual(trimmed.loads, createLoads(real));
  assert.deepEqual(trimmed.notes, ['the first 3 windows are the same: left out as warm-up']);
  const two = await readExpertLoads(write('w2.json', { logical_count: [warm, warm, ...real] }), { trimWarmup: true });
  assert.deepEqual([two.loads.windows, two.notes], [5, []]);
  const all = await readExpertLoads(write('w3.json', { logical_count: [warm, warm, warm] }), { trimWarmup: true });
  assert.deepEqual([all.loads.windows, all.notes], [3, ['all 3 windows are the same']]);
});

test('dummy tokens at the start of routes are reported as warm-up, and left out when asked', async () => {
  const token = (topk_ids: number[], topk_weights = [0.7, 0.3]) => ({
    type: 'route',
    layer: 0,
    topk_ids,
    topk_weights,
  });
  const profiling = Array.from({ length: 300 }, (_, i) => token(i % 2 === 0 ? [7, 1] : [1, 7]));
  const uniform = Array.from({ length: 256 }, (_, i) => token([i % 8, (i + 1) % 8], [0.5, 0.5]));
  const traffic = Array.from({ length: 255 }, () => token([2, 3]));
  const path = write('warm.jsonl', toLines([...profiling, ...uniform, ...traffic]));
  const kept = await readExpertLoads(path);
  assert.equal(kept.routes?.chosen[0]?.length, 811 * 2);
  const found = 'layer 0: the first 556 tokens of 811 are dummies, the same or with equal weights';
  const taken = 'the largest expert is 7: taken as 8 experts (--experts E if there are more)';
  assert.deepEqual(kept.notes, [taken, `${found}: warm-up? --trim-warmup leaves them out`]);
  const trimmed = await readExpertLoads(path, { trimWarmup: true });
  assert.deepEqual(trimmed.loads, createLoads([[[0, 0, 255, 255, 0, 0, 0, 0]]]));
  assert.equal(trimmed.routes?.chosen[0]?.length, 255 * 2);
  assert.deepEqual(trimmed.notes, [taken, `${found}: left out as warm-up`]);
  const only = await readExpertLoads(write('only.jsonl', toLines(profiling)), { trimWarmup: true });
  assert.equal(only.loads.counts[7], 300);
});

test('NaN that Python wrote beside the loads does not matter', async () => {
  const path = write('n.json', '{"average": NaN, "other": [-Infinity,NaN ], "logical_count": [[1, 2]]}');
  await checkRead(path, 'sglang', [[[1, 2]]]);
});

test('the loads folder of a training run is read in the order of its steps, whatever its names sort like', async () => {
  const run = mkdtempSync(join(folder, 'run-'));
  const put = (name: string, content: unknown) => write(join(run.slice(folder.length + 1), name), content);
  put('0000099-0000100.json', { logical_count: [[[1, 2]], [[3, 4]]], steps: [99, 100], layers: [0] });
  put('101-101.json', { logical_count: [[[5, 6]]] });
  put('10000000-10000001.json', { logical_count: [[[7, 8]], [[9, 0]]] });
  put('notes.json', 'is not read');
  const recorded = await readExpertLoads(run);
  assert.equal(recorded.format, 'sglang');
  assert.equal(recorded.layerNumbering, 'absolute');
  assert.deepEqual([recorded.loads.windows, recorded.loads.layers, recorded.loads.experts], [5, 1, 2]);
  assert.deepEqual([...recorded.loads.counts], [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]);
  assert.deepEqual(recorded.notes, ['5 steps in 3 files']);
});
