import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parse } from 'smol-toml';
import { InputError } from '../base/index.js';
import { parsePlanningModel } from '../config/index.js';
import type { Plan } from './layout.js';
import { readBasis, type TableReader } from './read-basis.js';
import { breakdownWords, countAlike, formatStepSeconds, planColumns, planRates, summarizeSearch } from './report.js';
import { searchLayouts } from './search-layouts.js';
import { exampleBasis } from './test-example.js';

const text = (path: string) => readFileSync(path, 'utf8');
const asked: string[] = [];
const reader: TableReader = {
  readJson: (path) => {
    asked.push(path);
    return JSON.parse(text(path)) as unknown;
  },
  readToml: (path) => {
    asked.push(path);
    return parse(text(path));
  },
  resolve: (path, inFile) => `${inFile.slice(0, inFile.lastIndexOf('/'))}/${path}`,
};
const files = { model: 'configs/deepseek-v3.json', cluster: 'configs/h800-2048.toml' };
const request = { sequencesPerStep: 15360, sequenceLength: 4096 };
const fixed = { schedule: 'dualpipe', pipeline: 16, expert: 64, microbatchSize: 1 } as const;

test('a basis is read from the files that the cluster names, beside it', () => {
  asked.length = 0;
  const { basis, calibrationFile } = readBasis(files, reader);
  assert.equal(calibrationFile, 'configs/h800-2048.calibration.toml');
  assert.ok(asked.includes(calibrationFile) && basis.calibration.overlapped > 1);
  assert.ok(asked.every((path) => path.startsWith('configs/')));
});

test('without calibration a basis is first principles, and reads no file for it', () => {
  asked.length = 0;
  const { basis, calibrationFile } = readBasis({ ...files, calibration: 'none' }, reader);
  assert.equal(calibrationFile, 'none');
  assert.deepEqual(basis.calibration, exampleBasis(text).calibration);
  assert.ok(!asked.some((path) => path.includes('calibration')));
});

test('a file that is no cluster is refused by its name', () => {
  const wrong = { ...files, cluster: 'configs/small.toml' };
  assert.throws(() => readBasis(wrong, reader), /configs\/small\.toml/);
  assert.throws(() => readBasis(wrong, reader), InputError);
});

test('the rates of a plan follow from its step alone', () => {
  const read = readBasis(files, reader);
  const result = searchLayouts(read.basis, { ...request, ...fixed });
  const search = { ...read, request, result };
  const [plan] = result.plans as [Plan];
  const rates = planRates(search, plan);
  assert.ok(Math.abs(rates.tokensPerSecond * plan.stepSeconds - 15360 * 4096) < 1e-3);
  assert.ok(Math.abs(rates.gpuHoursPerTrillionTokens / (1e12 / rates.tokensPerSecond / 3600) - 2048) < 1e-9);
  const twice = planRates(search, { ...plan, stepSeconds: 2 * plan.stepSeconds });
  assert.ok(Math.abs(twice.mfu * 2 - rates.mfu) < 1e-12 && rates.mfu < 1);
  assert.deepEqual(Object.keys(breakdownWords), Object.keys(plan.breakdown));
  assert.equal(planColumns.step.text(plan), `${plan.stepSeconds.toFixed(3)} s`);
});

test('plans that are no further apart than predictions are known to be off are told', () => {
  const read = readBasis(files, reader);
  const result = searchLayouts(read.basis, { ...request, ...fixed, schedule: 'zb-v' });
  const [plan] = result.plans;
  const search = (...factors: number[]) => {
    const plans = factors.map((factor) => ({ ...plan, stepSeconds: factor * plan.stepSeconds }));
    return { ...read, request, result: { ...result, plans } };
  };
  assert.equal(countAlike(search(1, 1.02, 1.031, 1.033, 2)), 3);
  assert.match(summarizeSearch(search(1, 1.02, 2)).error, /was 3\.2% off .*: plans 1 to 2 are no further apart/);
  assert.match(summarizeSearch(search(1, 1.04)).error, /3\.2% off .*: plan 1 leads by more$/);
  const plain = readBasis({ ...files, calibration: 'none' }, reader);
  assert.match(summarizeSearch({ ...search(1, 1.04), ...plain }).error, /was 5\.8% off .*: plans 1 to 2/);
});

test('small models have times and work in units that show something', () => {
  assert.equal(formatStepSeconds(19.7662), '19.766 s');
  assert.equal(formatStepSeconds(0.0000203), '20.3 µs');
  assert.equal(formatStepSeconds(0), '0.000 s');
  assert.equal(formatStepSeconds(0.004, 2), '4.00 ms');
  const read = readBasis(files, reader);
  const model = parsePlanningModel(JSON.parse(text('test/fixtures/deepseek-v3-tiny/config.json')), 'tiny');
  const result = { plans: [], rejected: { divisibility: 0, layers: 0, limits: 0, size: 0, memory: 0 } };
  const summary = summarizeSearch({
    ...read,
    basis: { ...read.basis, model },
    request: { sequencesPerStep: 8, sequenceLength: 8 },
    result: { ...result, leastMissedBytes: 0, leastChunkBytes: 0 },
  });
  assert.match(summary.model, / 0\.9 MFLOP a token/);
});

test('what was searched is told with the calibration, or that there is none', () => {
  const result = { plans: [], rejected: { divisibility: 2, layers: 0, limits: 1, size: 0, memory: 0 } };
  const summaryOf = (calibration?: 'none') => {
    const read = readBasis({ ...files, ...(calibration !== undefined && { calibration }) }, reader);
    const least = { leastMissedBytes: Number.POSITIVE_INFINITY, leastChunkBytes: Number.POSITIVE_INFINITY };
    return summarizeSearch({ ...read, request, result: { ...result, ...least } });
  };
  const fitted = summaryOf();
  assert.match(fitted.times, /fitted to configs\/h800-2048\.calibration\.toml: forward 1\.05/);
  assert.match(fitted.model, /^671\.0 B parameters and 11\.61 B for multi-token prediction/);
  assert.equal(fitted.layouts, '0 predicted; rejected: 2 divisibility, 1 limits');
  assert.match(summaryOf('none').times, /first principles/);
});
