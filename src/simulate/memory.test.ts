import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { generateSchedule, parseCsv, scheduleNames } from '../schedule/index.js';
import { memoryCurve, simulate, unitCosts } from './index.js';

test('a rank of DualPipe holds the parameters, gradients and optimizer state of two stages', () => {
  const schedule = generateSchedule({ name: 'dualpipe', ranks: 4, microbatches: 8 });
  const memory = { parameters: [1, 2, 3, 4, 1, 2, 3, 4], gradients: 1, optimizer: 10 };
  const { byPart, peak } = simulate(schedule, { ...unitCosts, memory }).memory!;
  assert.deepEqual(byPart, {
    parameters: [5, 5, 5, 5],
    gradients: [2, 2, 2, 2],
    optimizer: [20, 20, 20, 20],
    activations: [0, 0, 0, 0],
  });
  assert.deepEqual(peak, [27, 27, 27, 27]);
});

test('an input gradient frees a part of the activations, and the weight gradient the rest', () => {
  const schedule = parseCsv('0F0,0F1,0I0,0I1,0W0,0W1\r\n', { name: 'split', file: '' });
  const memory = { parameters: 100, activationsUntilInput: 4, activationsUntilWeight: 3 };
  const simulation = simulate(schedule, { ...unitCosts, memory });
  const { time, amount } = memoryCurve(schedule, simulation, memory, 0);
  assert.deepEqual([...time], [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6]);
  assert.deepEqual(
    Array.from(amount, (value) => value - 100),
    [0, 7, 7, 14, 14, 14, 10, 10, 6, 6, 3, 3, 0],
  );
  assert.deepEqual(simulation.memory!.peak, [114]);
});

test('with one unit a chunk that stays until its weight gradient, the peak is that of the activations', () => {
  for (const name of scheduleNames) {
    const schedule = generateSchedule({ name, ranks: 4, microbatches: 12 });
    const { memory, peakActivations } = simulate(schedule, { ...unitCosts, memory: { activationsUntilWeight: 1 } });
    assert.deepEqual(memory!.byPart.activations, peakActivations);
  }
});

const anyAmount = fc.integer({ min: 0, max: 1000 });

test('laws: the curve has the peak that is told, ends where it began, and its times never fall', () => {
  const request = fc.record({
    name: fc.constantFrom(...scheduleNames),
    memory: fc.record({ parameters: anyAmount, activationsUntilInput: anyAmount, activationsUntilWeight: anyAmount }),
    p2p: fc.integer({ min: 0, max: 3 }),
  });
  fc.assert(
    fc.property(request, ({ name, memory, p2p }) => {
      const schedule = generateSchedule({ name, ranks: 4, microbatches: 12 });
      const simulation = simulate(schedule, { ...unitCosts, memory, p2p });
      for (const [rank, peak] of simulation.memory!.peak.entries()) {
        const { time, amount } = memoryCurve(schedule, simulation, memory, rank);
        assert.equal(Math.max(...amount), peak);
        assert.equal(amount.at(-1), amount[0]);
        assert.ok(time.every((at, index) => index === 0 || at >= time[index - 1]!));
      }
    }),
  );
});
