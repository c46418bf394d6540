import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from 'smol-toml';
import { InputError } from '../base/index.js';
import { parseCalibration, parseCluster } from './cluster.js';

type Tables = Record<string, Record<string, unknown>>;
const example = (): Tables => parse(readFileSync('configs/h800-2048.toml', 'utf8')) as unknown as Tables;
const measured = (): Tables => parse(readFileSync('configs/h800-2048.calibration.toml', 'utf8')) as unknown as Tables;

test('the example describes 2,048 H800, and its paths are resolved', () => {
  const { nodes, gpu, profile, calibration } = parseCluster(example(), 'c.toml', (path) => `/there/${path}`);
  assert.equal(nodes.count * nodes.gpus, 2048);
  assert.equal(gpu.sms, 132);
  assert.equal(profile.model, '/there/deepseek-v3.json');
  assert.equal(calibration, '/there/h800-2048.calibration.toml');
});

test('the calibration holds neither the step as a whole nor its bubble', () => {
  const run = parseCalibration(measured(), 'f.toml');
  assert.equal(run.overlappedSeconds, 13.95);
  assert.ok(!Object.values(run).some((value) => value === 19.926 || value === 2.06));
});

const changes: readonly [table: string, key: string, value: unknown, message: RegExp][] = [
  ['nodes', 'count', 0, /count is 0 \(c\.toml, \[nodes\]\): use an integer from 1/],
  ['nodes', 'gpus', -8, /gpus is -8/],
  ['nodes', 'count', 1e9, /count is 1000000000/],
  ['gpu', 'bf16_tflops', Number.NaN, /bf16_tflops is NaN/],
  ['gpu', 'memory_gib', Number.POSITIVE_INFINITY, /memory_gib is Infinity/],
  ['gpu', 'reserved_gib', 90, /reserved_gib is 90, which leaves nothing/],
  ['links', 'between_gb_per_s', 0, /between_gb_per_s is 0/],
  ['links', 'all_to_all_sms', 132, /all_to_all_sms is 132 of 132/],
  ['links', 'dispatch_efficiency', 1.5, /dispatch_efficiency is 1.5/],
  ['profile', 'recomputation', 'some', /recomputation is "some".*use "none" or "selective" or "full"/],
  ['profile', 'speed', 1, /unknown key 'speed'/],
  ['link', 'x', 1, /unknown table or key 'link'.*did you mean 'links'/],
];
for (const [table, key, value, message] of changes) {
  test(`a cluster with ${table}.${key} = ${String(value)} is refused in one line`, () => {
    const tables = example();
    tables[table] = { ...tables[table], [key]: value };
    assert.throws(
      () => parseCluster(tables, 'c.toml'),
      (error) => error instanceof InputError && message.test(error.message) && !error.message.includes('\n'),
    );
  });
}

test('a cluster without one of its keys or tables is refused', () => {
  const { tokens: _, ...profile } = example().profile;
  assert.throws(() => parseCluster({ ...example(), profile }, 'c.toml'), /no tokens \(c\.toml, \[profile\]\)/);
  const { gpu: __, ...rest } = example();
  assert.throws(() => parseCluster(rest, 'c.toml'), /no bf16_tflops, fp8_tflops/);
});

test('all that a file lacks is told at once, with the file that has it and what to do without a profile', () => {
  const { nodes, gpu: given, links } = example();
  const { sms: _, reserved_gib: __, ...gpu } = given;
  assert.throws(
    () => parseCluster({ nodes, gpu, links }, 'c.toml'),
    /^InputError: no sms, reserved_gib in \[gpu\]; no gemm_efficiency, .* in \[work\]; no model, tokens, .* in \[profile\] \(c\.toml\): configs\/h800-2048\.toml has them all, .*docs\/traces\.md.* as on an H800$/,
  );
  assert.throws(
    () => parseCalibration({}, 'm.toml'),
    /\(m\.toml, \[measured\]\): configs\/h800-2048\.calibration\.toml/,
  );
});

test('whatever the tables hold, the answer is a cluster or an InputError', () => {
  const tables = Object.keys(example());
  fc.assert(
    fc.property(fc.constantFrom(...tables), fc.jsonValue(), (name, value) => {
      for (const read of [
        () => parseCluster({ ...example(), [name]: value }, 'c'),
        () => parseCalibration(value, 'c'),
      ]) {
        try {
          read();
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
        }
      }
    }),
  );
});
