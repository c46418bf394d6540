import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { createProblem, isNear, timesOf, windowedStates } from './test-cases.js';
import {
  createWindowedState,
  objectiveAfterReplacement,
  objectiveAfterSwap,
  objectiveOf,
  replaceReplica,
  setWindowedPlacement,
  smoothObjectiveAfterSwap,
  smoothObjectiveOf,
  swapWindowedSlots,
  type WindowedState,
} from './windowed-state.js';

/** `[windows]`: the times of the GPUs in each. */
function timesByWindow({ problem, windows, load, expertOf }: WindowedState): number[][] {
  return Array.from({ length: windows }, (_, window) =>
    timesOf({ ...problem, load: load.filter((_, position) => position % windows === window) }, expertOf),
  );
}

/** What the objectives say they are. */
function measureAnew(state: WindowedState): { readonly objective: number; readonly smooth: number } {
  const times = timesByWindow(state);
  const largest = times.map((list) => Math.max(...list));
  const norm = (list: readonly number[]): number => {
    const most = Math.max(...list);
    return most === 0 ? 0 : most * list.reduce((sum, time) => sum + (time / most) ** 16, 0) ** (1 / 16);
  };
  const mean = (list: readonly number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  return state.objective === 'mean'
    ? { objective: mean(largest), smooth: mean(times.map(norm)) }
    : { objective: Math.max(...largest), smooth: norm(times.flat()) };
}

function checkState(state: WindowedState): void {
  const { problem, windows, objective, load, expertOf, time, top, held, count } = state;
  const anew = createWindowedState(problem, { windows, load, objective }, expertOf);
  assert.deepEqual(count, anew.count);
  assert.deepEqual(held, anew.held);
  const times = timesByWindow(state);
  const scale = Math.max(...times.flat());
  for (const [window, list] of times.entries()) {
    for (const [gpu, expected] of list.entries()) assert.ok(isNear(time[gpu * windows + window]!, expected, scale));
    const descending = list.toSorted((a, b) => b - a);
    for (let place = 0; place < 3; place++) {
      const gpu = top[3 * window + place]!;
      if (place >= list.length) assert.equal(gpu, -1);
      else assert.ok(isNear(list[gpu]!, descending[place]!, scale));
    }
    const ofWindow = top.subarray(3 * window, 3 * window + Math.min(3, list.length));
    assert.equal(new Set(ofWindow).size, ofWindow.length);
    assert.ok(isNear(state.powers[window]!, anew.powers[window]!, Math.max(1, anew.powers[window]!)));
  }
  const expected = measureAnew(state);
  assert.ok(isNear(objectiveOf(state), expected.objective, scale));
  assert.ok(isNear(smoothObjectiveOf(state), expected.smooth, scale), `${smoothObjectiveOf(state)} ${expected.smooth}`);
}

const changes = fc.array(fc.record({ slot: fc.nat(), other: fc.nat(), expert: fc.nat(), isSwap: fc.boolean() }), {
  maxLength: 20,
});

/** Makes the change if it is one, and holds what was predicted against what it gives. */
function makeChange(state: WindowedState, change: { slot: number; other: number; expert: number; isSwap: boolean }) {
  const { problem, gpuOfSlot, expertOf, count } = state;
  const slot = change.slot % problem.slots;
  const other = change.other % problem.slots;
  const expert = change.expert % problem.experts;
  const scale = Math.max(...state.time);
  if (change.isSwap) {
    const [gpuA, gpuB] = [gpuOfSlot[slot]!, gpuOfSlot[other]!];
    if (gpuA === gpuB) return;
    const swap = [state, gpuA, gpuB, expertOf[slot]!, expertOf[other]!] as const;
    const predicted = [objectiveAfterSwap(...swap), smoothObjectiveAfterSwap(...swap)] as const;
    swapWindowedSlots(state, slot, other);
    assert.ok(isNear(predicted[0], objectiveOf(state), scale));
    // Where load leaves a slow GPU for a fast one, the sum of powers is what is left of a far larger one, in fewer digits.
    assert.ok(Math.abs(predicted[1] - smoothObjectiveOf(state)) <= 1e-5 * scale);
  } else {
    const before = expertOf[slot]!;
    if (before === expert || count[before]! < 2) return;
    const predicted = objectiveAfterReplacement(state, slot, expert);
    for (const limit of [predicted * 0.9, predicted * 1.1]) {
      const limited = objectiveAfterReplacement(state, slot, expert, limit);
      if (limit > predicted) assert.equal(limited, predicted);
      else assert.ok(limited >= limit && limited <= predicted);
    }
    replaceReplica(state, slot, expert);
    assert.ok(isNear(predicted, objectiveOf(state), scale));
  }
}

it('after any exchanges and replacements all is as worked out anew, and the objectives are as they were predicted', () => {
  fc.assert(
    fc.property(windowedStates, changes, (state, list) => {
      checkState(state);
      for (const change of list) makeChange(state, change);
      checkState(state);
    }),
    { numRuns: 300 },
  );
});

it('another placement leaves nothing of the one before', () => {
  fc.assert(
    fc.property(windowedStates, (state) => {
      setWindowedPlacement(state, state.expertOf.slice().reverse());
      checkState(state);
    }),
    { numRuns: 100 },
  );
});

it('the mean is over windows, and the worst is the worst of them', () => {
  const problem = createProblem([0, 0], [1, 1]);
  const load = Float64Array.of(6, 1, 2, 3);
  const state = (objective: 'mean' | 'worst') =>
    createWindowedState(problem, { windows: 2, load, objective }, Int32Array.of(0, 1));
  assert.equal(objectiveOf(state('mean')), 4.5);
  assert.equal(objectiveOf(state('worst')), 6);
});
