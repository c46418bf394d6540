import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bandwidthShare, exchangeSeconds } from './all-to-all.js';
import { chunkActivations, rankParameters, stateMemory } from './memory.js';
import { listParts, type PartKind } from './parameters.js';
import { partSegments } from './part-segments.js';
import { tailSeconds } from './tail.js';
import { exampleBasis } from './test-example.js';

const basis = exampleBasis((path) => readFileSync(path, 'utf8'));
const { model, cluster } = basis;
const size = { tokens: 4096, sequenceLength: 4096 };
const setting = { ...size, expert: 64, communicationSms: 20, recomputation: 'selective' } as const;

test('experts of one rank need no exchange, those of one node only its links, and those of more nodes the slower ones', () => {
  const seconds = (expert: number) => exchangeSeconds(model, cluster, { kind: 'dispatch', tokens: 4096, expert });
  assert.equal(seconds(1), 0);
  // 8 rows a token, 7 of 8 to other GPUs, FP8 with scales, 160 GB/s.
  const inside = (4096 * 7168 * 8 * (7 / 8) * (1 + 4 / 128)) / 160e9;
  assert.ok(Math.abs(seconds(8) - inside - 5e-6) < 1e-9);
  assert.ok(seconds(64) > seconds(32) && seconds(32) > seconds(8));
});

test('combine moves BF16, about twice what dispatch moves', () => {
  const seconds = (kind: 'dispatch' | 'combine') => exchangeSeconds(model, cluster, { kind, tokens: 4096, expert: 64 });
  assert.ok(Math.abs(seconds('combine') / seconds('dispatch') - 1.94) < 0.01);
});

test('the links fill with multiprocessors, up to those that fill them', () => {
  assert.equal(bandwidthShare(cluster, 10), 0.5);
  assert.equal(bandwidthShare(cluster, 40), 1);
});

test('within a pair computation takes longer for the multiprocessors that communication has, and communication for what runs beside it', () => {
  const { forward, backward } = partSegments(basis, setting, 'moe');
  assert.deepEqual(
    forward.map(({ name }) => name),
    ['attention', 'dispatch', 'experts', 'combine'],
  );
  for (const { lane, alone, beside } of [...forward, ...backward]) {
    if (lane === 'compute') assert.ok(Math.abs(beside / alone - 132 / 112) < 1e-9);
    else assert.ok(beside > 1.5 * alone);
  }
});

test('full recomputation runs a layer forward again, but for its combine', () => {
  const again = partSegments(basis, { ...setting, recomputation: 'full' }, 'moe').backward;
  assert.deepEqual(
    again.slice(0, 3).map(({ name }) => name),
    ['attention', 'dispatch', 'experts'],
  );
  assert.equal(again.length, partSegments(basis, setting, 'moe').backward.length + 3);
});

test('ranks that share a model share its optimizer, not its weights and gradients', () => {
  const whole = rankParameters(model, [listParts(model)], 64);
  const one = stateMemory(whole, 'fp8', { layers: 1, experts: 1 });
  const shared = stateMemory(whole, 'fp8', { layers: 4, experts: 4 });
  assert.deepEqual([shared.parameters, shared.gradients], [one.parameters, one.gradients]);
  assert.equal(shared.optimizer * 4, one.optimizer);
});

test('a rank with the embedding and the prediction module has the vocabulary once, one with the module alone brings its own', () => {
  const vocabulary = model.sizes.vocabSize * model.sizes.hiddenSize;
  const of = (...stages: PartKind[][]) => rankParameters(model, stages, 64).vocabulary / vocabulary;
  assert.equal(of(['embedding'], ['prediction', 'head']), 2);
  assert.equal(of(['prediction', 'head']), 2);
  assert.equal(of(['moe', 'head']), 1);
});

test('activations grow with tokens and layers, and quantized ones are smaller', () => {
  const bytes = (stage: PartKind[], tokens = 4096, precision: 'fp8' | 'bf16' = 'fp8') =>
    chunkActivations({ ...model, precision }, stage, { ...size, tokens }, 'selective');
  assert.equal(bytes(['moe', 'moe']), 2 * bytes(['moe']));
  assert.equal(bytes(['moe'], 8192), 2 * bytes(['moe']));
  assert.ok(bytes(['moe'], 4096, 'bf16') > bytes(['moe']));
});

test('one rank alone reduces nothing, and experts that more ranks share take longer to reduce', () => {
  const parameters = { experts: 1e9, layers: 0, vocabulary: 0 };
  const reduce = (experts: number) =>
    tailSeconds(cluster, 'fp8', parameters, { sharing: { layers: 128, experts }, data: 128, expert: 64 }).reduce;
  assert.equal(reduce(1), 0);
  assert.ok(reduce(4) > reduce(2) && reduce(2) > 0);
});
