import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createMachine, measurePlacement, solveBalance } from '../balance/index.js';
import { problemOf } from '../base/index.js';
import {
  createMemoryTree,
  fitPlacement,
  formatSolution,
  placementFormats,
  prepareLoads,
  type RecordedLoads,
  readExpertLoadsFrom,
  readPlacementFrom,
} from './browser.js';
import { recordLoads } from './test-loads.js';

const machine = createMachine({ gpus: 2, slots: 4 });
const none = [0, 0, 0, 0];
const some = [5, 1, 2, 3];
const row = (first: number) => [0, 1, 2, 3].map((slot) => (slot + first) % 4);
const sglang = (rows: number) => ({ physical_to_logical_map: Array.from({ length: rows }, (_, layer) => row(layer)) });
const byLayer = (layers: readonly number[]) => ({
  initial_global_assignments: Object.fromEntries(layers.map((layer) => [layer, row(layer)])),
  num_slots: 4,
});
const table = (rows: number) => Array.from({ length: rows }, (_, layer) => row(layer));

function readContent(content: unknown) {
  const bytes = new TextEncoder().encode(JSON.stringify(content));
  return readPlacementFrom(createMemoryTree([{ path: 'now', bytes }]), 'now', { experts: 4 });
}

/** The first expert of each row, which tells the rows of these placements apart, and the notes. */
function fit(content: unknown, recorded: RecordedLoads, layerOffset?: number) {
  const { placement, notes } = fitPlacement(readContent(content), prepareLoads(recorded, { layerOffset }), machine, {
    where: 'now',
  });
  return { firsts: placement.physicalToLogical.filter((_, slot) => slot % 4 === 0).join(''), notes };
}

function problem(content: unknown, recorded: RecordedLoads, layerOffset?: number) {
  try {
    fit(content, recorded, layerOffset);
  } catch (error) {
    return problemOf(error);
  }
  return assert.fail('nothing is wrong');
}

const ask = "say with --layer-offset which is the model's first layer with experts: ";
const moe = recordLoads([some, some], 'moe');
const dense = recordLoads([none, some, some], 'absolute');

describe('loads that count layers with experts, and a placement that counts all', () => {
  it('are refused until the offset is given, which the error asks for with what fits', () => {
    const { what, where, mend } = problem(sglang(3), moe);
    const counts = 'the loads count only layers with experts (0-1), the placement counts all layers of the model (0-2)';
    assert.deepEqual([what, where], [counts, 'now']);
    assert.equal(mend, `${ask}1 brings the last layers of both together, 0 would fit too`);
    assert.equal(fit(sglang(3), moe, 1).firsts, '12');
    assert.equal(fit(sglang(3), moe, 0).firsts, '01');
    assert.deepEqual(fit(sglang(3), moe, 1).notes, ['layer 0 of now is not in the loads: left out']);
  });

  it('are not matched by position because they have as many layers', () => {
    assert.equal(problem(sglang(2), moe).mend, `${ask}only 0 fits, for a model without dense layers`);
    assert.equal(fit(sglang(2), moe, 0).firsts, '01');
    assert.equal(problem(byLayer([3, 4]), moe).mend, `${ask}only 3 fits`);
    assert.equal(fit(byLayer([3, 4]), moe, 3).firsts, '30');
  });

  it('are refused where no offset fits, or where the one that is given does not', () => {
    for (const placement of [sglang(1), byLayer([1, 3])])
      assert.match(problem(placement, moe).mend ?? '', /of the same model: no offset brings them together/);
    const { what, mend } = problem(sglang(3), moe, 2);
    assert.equal(what, 'it has no layer 3, of which there are loads: it has layers 0-2');
    assert.equal(mend, `${ask}1 brings the last layers of both together, 0 would fit too`);
  });
});

describe('loads that count all layers, and a placement that counts those with experts', () => {
  it('are matched by the layers with tokens where these are as many, and a note says so', () => {
    const { firsts, notes } = fit(table(2), dense);
    assert.equal(firsts, '001');
    assert.deepEqual(notes, [
      'layers 0-1 of now are taken for layers 1-2 of the model, where the loads have tokens',
      'layer 0 has no tokens and no row in now: it is taken to have no experts',
    ]);
    assert.equal(fit(table(2), recordLoads([some, none, some, none], 'absolute')).firsts, '0010');
  });

  it('are refused where they are not as many, until the offset is given', () => {
    const { what, mend } = problem(table(3), dense);
    assert.equal(
      what,
      'the placement counts only layers with experts (0-2), the loads count all layers of the model (1-2)',
    );
    assert.equal(mend, `${ask}1 brings the first layers of both together, 0 would fit too`);
    assert.equal(fit(table(3), dense, 0).firsts, '012');
    assert.equal(fit(table(3), dense, 1).firsts, '001');
    assert.match(problem(table(1), dense).mend ?? '', /no offset brings them together/);
  });

  it('are matched as the offset says where it is given, also with layers that got no tokens', () => {
    const gap = recordLoads([none, some, none, some], 'absolute');
    assert.equal(fit(table(3), gap, 1).firsts, '0012');
    const { what, mend } = problem(table(2), gap, 1);
    assert.match(what, /it has no layer 3, of which there are loads/);
    assert.equal(mend, 'leave out --layer-offset');
    assert.equal(fit(table(2), gap).firsts, '0001');
  });
});

describe('loads and a placement that count the same', () => {
  it('are matched by the numbers of their layers, not by position', () => {
    const loads = recordLoads([some, some], 'absolute', [3, 5]);
    assert.equal(fit(byLayer([3, 4, 5]), loads).firsts, '31');
    assert.deepEqual(fit(byLayer([3, 4, 5]), loads).notes, ['layer 4 of now is not in the loads: left out']);
    assert.equal(fit(table(3), moe).firsts, '01');
  });

  it('are refused where a layer with tokens is missing, which the error names', () => {
    const { what, mend } = problem(byLayer([3, 4]), recordLoads([some, some], 'absolute', [3, 5]));
    assert.equal(what, 'it has no layer 5, of which there are loads: it has layers 3-4');
    assert.equal(mend, 'give a placement and loads of the same model');
    assert.match(problem(table(1), moe).what, /it has no layer 1, of which there are loads/);
  });

  it('may lack a layer without tokens, which gets experts in order', () => {
    const { firsts, notes } = fit(byLayer([1, 2]), dense);
    assert.equal(firsts, '012');
    assert.deepEqual(notes, ['layer 0 has no tokens and no row in now: it is taken to have no experts']);
    assert.match(problem(byLayer([7]), recordLoads([none], 'absolute')).what, /it has no layer 0/);
  });

  it('may have one row for every layer', () => {
    assert.equal(fit(row(2), moe).firsts, '22');
    assert.equal(fit(row(2), dense).firsts, '222');
  });
});

describe('a placement is refused', () => {
  const fitOn = (content: unknown, options: Parameters<typeof createMachine>[0]) => () =>
    fitPlacement(readContent(content), prepareLoads(moe, {}), createMachine(options), { where: 'now' });

  it('for other GPUs or slots than it says that it has', () => {
    const ours = { physicalToLogical: table(2), slotStarts: [0, 3, 4] };
    assert.throws(fitOn(ours, { gpus: 4, slots: 4 }), /it lies on 2 GPUs, not on 4 \(now\): use --gpus 2/);
    assert.throws(fitOn(ours, { gpus: 2, slots: 6 }), /it has 4 slots, the GPUs have 6 \(now\): use --slots 4/);
    assert.throws(fitOn(ours, { gpus: 2, slots: 4 }), /other slots: GPU 0 has 3 \(now\): use --gpu-slots 3,1/);
    assert.doesNotThrow(fitOn(ours, { gpus: 2, slots: [3, 1] }));
  });
});

describe('the files of the public reports', () => {
  const files = ['ordinal-loads.json', 'sglang-placement.json'].map((path) => {
    return { path, bytes: new Uint8Array(readFileSync(`test/fixtures/placements/${path}`)) };
  });

  it('are scored with the layer that the offset says', () => {
    const tree = createMemoryTree(files);
    const recorded = readExpertLoadsFrom(tree, 'ordinal-loads.json');
    const read = readPlacementFrom(tree, 'sglang-placement.json', { experts: 4 });
    const on = createMachine({ gpus: 2, slots: 6 });
    const score = (layerOffset?: number) => {
      const input = prepareLoads(recorded, { layerOffset });
      const { placement } = fitPlacement(read, input, on, { where: 'sglang-placement.json' });
      return measurePlacement(placement, input.loads, on).balancedness.ratioOfSums;
    };
    assert.throws(() => score(), /--layer-offset/);
    assert.ok(Math.abs(score(1) - 0.8478) < 5e-5);
    assert.ok(Math.abs(score(0) - 0.729) < 5e-5);
  });
});

it('what is written of loads is what is read for the same loads, in every format and with every offset', () => {
  const counts = fc.array(fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 4, maxLength: 4 }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(counts, fc.integer({ min: 0, max: 3 }), fc.boolean(), fc.boolean(), (rows, offset, isMoe, isGiven) => {
      const all = [...Array.from({ length: offset }, () => none), ...rows];
      const recorded = isMoe ? recordLoads(rows, 'moe') : recordLoads(all, 'absolute');
      const input = prepareLoads(recorded, { layerOffset: isMoe || isGiven ? offset : undefined });
      const request = {
        loads: input.loads,
        machine,
        policy: 'best',
        strategy: 'auto',
        groups: 1,
        seed: 0,
        iterations: 0,
      } as const;
      const solution = solveBalance(request, { now: () => 0 });
      const { slots, physicalToLogical } = solution.placement;
      const first = isMoe ? 0 : offset;
      for (const format of placementFormats) {
        const bytes = new TextEncoder().encode(formatSolution(solution, input, format).text);
        const read = readPlacementFrom(createMemoryTree([{ path: 'p', bytes }]), 'p', { experts: 4 });
        const { placement } = fitPlacement(read, input, machine, { where: 'p' });
        assert.deepEqual(placement.physicalToLogical.slice(first * slots), physicalToLogical.slice(first * slots));
      }
    }),
    { numRuns: 60 },
  );
});
