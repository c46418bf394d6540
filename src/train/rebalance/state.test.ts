import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../base/index.js';
import { writeSafetensors } from '../../formats/index.js';
import { createRebalanceState, type RebalanceState, readRebalanceState, writeRebalanceState } from './state.js';
import { addStep } from './window.js';

const folder = mkdtempSync(join(tmpdir(), 'rebalance-'));
after(() => rmSync(folder, { recursive: true }));
const file = join(folder, 'state.safetensors');

const shape = { layers: [1, 4], experts: 4, slots: 6, expertRanks: 2, pipelineRanks: 2, interval: 20 };
const traffic = { bytesPerMove: 1234, bytesPerSecond: 1.5e9, expertSeconds: 0.1 / 3 };

/** Rows that hold every expert. */
const rows = fc
  .array(fc.tuple(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), fc.nat(3), fc.nat(3)), {
    minLength: 2,
    maxLength: 2,
  })
  .map((list) => Int32Array.from(list.flatMap(([once, ...more]) => [...once, ...more])));

const states: fc.Arbitrary<RebalanceState> = fc
  .record({
    now: rows,
    target: fc.option(rows, { nil: undefined }),
    gains: fc.array(fc.float({ min: 0, max: 1, noNaN: true }).map(Math.abs), { minLength: 2, maxLength: 2 }),
    counts: fc.array(fc.array(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { minLength: 8, maxLength: 8 }), {
      maxLength: 30,
    }),
    traffic: fc.option(fc.constant(traffic), { nil: undefined }),
  })
  .map(({ now, target, gains, counts, ...rest }) => {
    const fresh = createRebalanceState(shape);
    const window = counts.reduce((filled, row, index) => {
      const byLayer = new Map([
        [1, row.slice(0, 4)],
        [4, row.slice(4)],
      ]);
      return addStep(filled, 11 + index, byLayer);
    }, fresh.window);
    const placementOf = (physicalToLogical: Int32Array) => ({ ...fresh.placement, physicalToLogical });
    const pending = target && { target: placementOf(target), gains: Float32Array.from(gains) };
    return { placement: placementOf(now), pending, window, ...rest };
  });

const [example] = fc.sample(
  states.filter(({ pending, window, traffic: measured }) => {
    return pending !== undefined && window.steps.length > 3 && measured !== undefined;
  }),
  { numRuns: 1, seed: 1 },
);

it('reads what it wrote', async () => {
  await fc.assert(
    fc.asyncProperty(states, async (state) => {
      await writeRebalanceState(file, state, shape);
      assert.deepEqual(readRebalanceState(file, 1000, shape), { state, note: undefined });
    }),
    { numRuns: 30 },
  );
});

it('keeps the loads, which are about experts, where slots or ranks are others', async () => {
  await writeRebalanceState(file, example, shape);
  for (const other of [{ slots: 8 }, { slots: 4 }, { expertRanks: 3 }]) {
    const { state, note } = readRebalanceState(file, 1000, { ...shape, ...other });
    const fresh = createRebalanceState({ ...shape, ...other });
    assert.deepEqual(state, { ...fresh, window: example.window });
    assert.match(note!, /^the checkpoint was of 6 slots on 2 expert ranks, here are .*: the experts begin in order$/);
  }
});

it('measures anew on other pipeline ranks, and keeps the rest', async () => {
  await writeRebalanceState(file, example, shape);
  const { state, note } = readRebalanceState(file, 1000, { ...shape, pipelineRanks: 4 });
  assert.deepEqual(state, { ...example, traffic: undefined });
  assert.equal(note, undefined);
});

it('begins anew without a file, or with that of another model, and says so', async () => {
  const fresh = createRebalanceState(shape);
  const missing = readRebalanceState(join(folder, 'missing'), 5, shape);
  assert.deepEqual(missing.state, fresh);
  assert.match(missing.note!, /holds no placement/);
  await writeRebalanceState(file, example, shape);
  for (const other of [{ experts: 5 }, { layers: [1, 5] }]) {
    const { state, note } = readRebalanceState(file, 1000, { ...shape, ...other });
    assert.deepEqual(state, createRebalanceState({ ...shape, ...other }));
    assert.match(note!, /of other layers or experts/);
  }
});

it('forgets the steps beyond the one that the run goes on from, and those that a shorter window has no room for', async () => {
  await writeRebalanceState(file, example, shape);
  const stepsOf = (step: number, interval: number) =>
    readRebalanceState(file, step, { ...shape, interval }).state.window.steps.map((one) => one.step);
  assert.deepEqual(stepsOf(12, 20), [11, 12]);
  const all = example.window.steps.map(({ step }) => step);
  assert.deepEqual(stepsOf(1000, 1), all.slice(-16));
});

it('refuses a file that does not fit itself', async () => {
  const { placement, pending, window } = example;
  const written = async (state: RebalanceState) => {
    await writeRebalanceState(file, state, shape);
    return () => readRebalanceState(file, 1000, shape);
  };
  const bad = (physicalToLogical: number[]) => ({
    ...placement,
    physicalToLogical: Int32Array.from(physicalToLogical),
  });
  const steps = window.steps.slice(0, 2);
  const cases: readonly [RebalanceState, RegExp][] = [
    [{ ...example, placement: bad([0, 1, 2, 3, 0, 4, 0, 1, 2, 3, 0, 1]) }, /placement of layer 1 does not hold/],
    [{ ...example, placement: bad([0, 1, 2, 3, 0, 0, 0, 1, 2, -1, 0, 3]) }, /placement of layer 4 does not hold/],
    [
      { ...example, pending: { ...pending!, target: bad([0, 1, 2, 2, 0, 0, 0, 1, 2, 3, 0, 3]) } },
      /target of layer 1 does not hold/,
    ],
    [{ ...example, pending: { ...pending!, gains: Float32Array.of(1, Number.NaN) } }, /gains are no numbers/],
    [{ ...example, window: { ...window, steps: [...steps].reverse() } }, /do not ascend/],
    [{ ...example, window: { ...window, steps: [{ step: 11, counts: new Int32Array(8).fill(-1) }] } }, /below 0/],
    [{ ...example, traffic: { ...traffic, bytesPerSecond: -1 } }, /bytesPerSecond is no measure/],
  ];
  for (const [state, pattern] of cases)
    assert.throws(
      await written(state),
      (error) => error instanceof InputError && pattern.test(error.message),
      String(pattern),
    );
  await writeSafetensors(file, []);
  assert.throws(() => readRebalanceState(file, 1, shape), /it is no state of rebalancing/);
  const document = { version: 1, ...shape };
  for (const [change, pattern] of [
    [{ version: 2 }, /version is not 1/],
    [{ experts: 1e9 }, /experts is no whole number/],
    [{ layers: [4, 1] }, /no ascending numbers/],
    [{}, /window has not 0 to 100 steps/],
  ] as const) {
    const data = placement.physicalToLogical;
    await writeSafetensors(file, [{ name: 'placement', dtype: 'I32', shape: [2, 6], data }], {
      rebalance: JSON.stringify({ ...document, ...change }),
    });
    assert.throws(() => readRebalanceState(file, 1, shape), pattern);
  }
});

it('never ends otherwise than in a state or an error with a cause, however a file is damaged', async () => {
  await writeRebalanceState(file, example, shape);
  const good = readFileSync(file);
  const damaged = join(folder, 'damaged.safetensors');
  const flips = fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { maxLength: 4 });
  fc.assert(
    fc.property(flips, fc.nat(good.length), (changes, cut) => {
      const bytes = Buffer.from(good.subarray(0, cut === 0 ? good.length : cut));
      for (const [position, value] of changes) if (position < bytes.length) bytes[position] = value;
      writeFileSync(damaged, bytes);
      try {
        readRebalanceState(damaged, 1000, shape);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
      }
    }),
    { numRuns: 300 },
  );
});
