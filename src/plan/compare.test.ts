import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { unitCosts } from '../simulate/index.js';
import { type ComparedSchedule, type Comparison, compareSchedules } from './compare.js';

function row(rows: Comparison['equalDevices'], name: string, stagesPerRank?: number): ComparedSchedule {
  const found = rows.find((own) => own.name === name && (stagesPerRank ?? own.stagesPerRank) === own.stagesPerRank);
  assert.ok(found !== undefined && !('refusal' in found), JSON.stringify(found));
  return found;
}

test('at equal devices every schedule does the same work on as many ranks, with the makespans that the formulas give', () => {
  const { equalDevices } = compareSchedules({ ranks: 4, microbatches: 8, costs: unitCosts, iterations: 0 });
  const expected: [string, number, number, number, number, number, number][] = [
    // stages a rank, stages, makespan, parameters, peak activations, messages
    ['1f1b', 1, 4, 24 + 9, 1, 4, 48],
    ['gpipe', 1, 4, 24 + 9, 1, 8, 48],
    ['interleaved', 2, 8, 24 + 9 / 2, 1, 5.5, 112],
    ['interleaved', 4, 16, 24 + 9 / 4, 1, 4.75, 240],
    ['zb-h1', 1, 4, 24 + 3, 1, 4, 48],
    ['zb-v', 2, 8, 25.5, 1, 4, 96],
    ['dualpipe', 2, 4, 26, 2, 5, 48],
    ['dualpipev', 2, 8, 27, 1, 4.5, 96],
  ];
  for (const [name, perRank, stages, makespan, parameters, peakActivations, messages] of expected) {
    const own = row(equalDevices, name, perRank);
    assert.deepEqual(
      [own.ranks, own.stages, own.makespan, own.parameters, own.peakActivations, own.messages, own.volume],
      [4, stages, makespan, parameters, peakActivations, messages, messages],
      name,
    );
    assert.ok(Math.abs(own.bubble - (own.makespan - 24) / own.makespan) < 1e-12);
  }
  assert.equal(equalDevices.at(-1)?.name, 'auto');
  assert.ok(row(equalDevices, 'auto').makespan <= 25.5);
});

test('at equal stages a schedule with two stages a rank has half the ranks, and each holds twice as much', () => {
  const { equalStages, stages } = compareSchedules({ ranks: 8, microbatches: 20, costs: unitCosts, iterations: 0 });
  assert.equal(stages, 8);
  const figures = ['1f1b', 'dualpipe', 'dualpipev', 'zb-v'].map((name) => {
    const { ranks, parameters, peakActivations } = row(equalStages, name);
    return [name, ranks, parameters, peakActivations];
  });
  assert.deepEqual(figures, [
    ['1f1b', 8, 1, 8],
    ['dualpipe', 8, 2, 9],
    ['dualpipev', 4, 2, 9],
    ['zb-v', 4, 2, 8],
  ]);
  assert.deepEqual(
    equalStages.filter(({ name }) => name === 'auto').map((own) => ('ranks' in own ? own.ranks : own.refusal)),
    [8, 4],
  );
});

test('counts that no schedule may have are refused before anything is made', () => {
  const request = { ranks: 4, microbatches: 8, costs: unitCosts, iterations: 0 };
  const refusals: [object, RegExp][] = [
    [{ ranks: 1e9 }, /^ranks cannot be 1000000000: use a whole number from 1 to 4096$/],
    [{ microbatches: 1e9 }, /^microbatches cannot be 1000000000: use a whole number from 1 to 524288$/],
    [{ stages: 1e9 }, /^stages cannot be 1000000000: use a whole number from 1 to 4096$/],
    [{ ranks: 1, microbatches: 2 ** 21, stages: 2 }, /^stages cannot be 2: use a whole number from 1 to 1$/],
    [{ ranks: 0 }, /^ranks cannot be 0/],
    [{ stages: 1.5 }, /^stages cannot be 1\.5/],
  ];
  for (const [change, message] of refusals) {
    assert.throws(
      () => compareSchedules({ ...request, ...change }),
      (error: unknown) => error instanceof InputError && message.test(error.message),
      JSON.stringify(change),
    );
  }
});

test('a limit that forbids a schedule becomes a row with the nearest values', () => {
  const { equalDevices, equalStages } = compareSchedules({
    ranks: 3,
    microbatches: 4,
    costs: unitCosts,
    iterations: 0,
  });
  const refusal = (rows: Comparison['equalDevices'], name: string) => {
    const found = rows.find((own) => own.name === name);
    return found !== undefined && 'refusal' in found ? found.refusal : '';
  };
  assert.match(refusal(equalDevices, 'dualpipe'), /divides by 2 \(ranks 3\): use 2 or 4/);
  assert.match(refusal(equalDevices, 'dualpipev'), /at least 6 microbatches/);
  assert.match(refusal(equalStages, 'zb-v'), /3 stages do not divide into 2 a rank: use 2 or 4/);
});

test('lists are of parts of the model, and stages are runs of them', () => {
  const parts = { ...unitCosts, forward: [1, 1, 1, 1, 1, 1, 1, 5], memory: { parameters: [1, 1, 1, 1, 1, 1, 1, 3] } };
  const { equalDevices } = compareSchedules({ ranks: 4, microbatches: 8, costs: parts, iterations: 0 });
  assert.equal(row(equalDevices, '1f1b').peakMemory, 4);
  assert.equal(row(equalDevices, 'dualpipe').peakMemory, 6);
  const interleaved = equalDevices.find(({ name, stagesPerRank }) => name === 'interleaved' && stagesPerRank === 4);
  assert.match(JSON.stringify(interleaved), /8 stages of the costs do not divide into 16/);
  assert.ok(row(equalDevices, 'auto').makespan <= row(equalDevices, 'zb-v').makespan);
});

test('bad costs and counts are an error, not a row', () => {
  const request = { ranks: 4, microbatches: 8, costs: unitCosts, iterations: 0 };
  assert.throws(() => compareSchedules({ ...request, costs: { ...unitCosts, p2p: -1 } }), /p2p cannot be -1/);
  assert.throws(() => compareSchedules({ ...request, costs: { ...unitCosts, forward: Number.NaN } }), /cannot be NaN/);
  assert.throws(() => compareSchedules({ ...request, ranks: 0 }), /ranks cannot be 0/);
});
