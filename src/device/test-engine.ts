import assert from 'node:assert/strict';
import { type Graph, interpret, type ReferenceTensor } from '../graph/index.js';
import { type Arena, allocate, createArena } from './arena.js';
import type { Engine, TensorHandle } from './engine.js';

// Helpers of this folder's tests.

/** Numbers in [-1, 1) that are the same in every run, rounded to float32. */
export function pseudoRandom(seed: number): () => number {
  let state = seed + 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.fround(state / 2 ** 31 - 1);
  };
}

/** A tensor of random numbers in [low, high). */
export function randomTensor(shape: readonly number[], next: () => number, low = -1, high = 1): ReferenceTensor {
  const data = Float64Array.from({ length: countElements(shape) }, () =>
    Math.fround(low + ((next() + 1) / 2) * (high - low)),
  );
  return { shape, data };
}

/** A tensor of random indices below `limit`. */
export function randomIndices(shape: readonly number[], limit: number, next: () => number): ReferenceTensor {
  const data = Int32Array.from({ length: countElements(shape) }, () => Math.floor(((next() + 1) / 2) * limit));
  return { shape, data };
}

/** Binds a fresh tensor in shared memory; `read` sees what the engine writes there. */
export function shareTensor(engine: Engine, arena: Arena, { shape, data }: ReferenceTensor): SharedTensor {
  const byteOffset = allocate(arena, data.length * 4);
  const isFloat = data instanceof Float64Array;
  const view = isFloat
    ? new Float32Array(arena.buffer, byteOffset, data.length)
    : new Int32Array(arena.buffer, byteOffset, data.length);
  view.set(data);
  return { view, handle: engine.tensor({ buffer: arena.buffer, byteOffset }, shape, isFloat ? 'float32' : 'int32') };
}

export interface SharedTensor {
  readonly view: Float32Array | Int32Array;
  readonly handle: TensorHandle;
}

/**
 * Runs the graph on the engine and by the reference interpreter, and asserts that all outputs agree within `tolerance` of the largest number of each.
 * Outputs start from other numbers than zero, so that what the engine does not write is seen.
 */
export function expectReference(
  engine: Engine,
  graph: Graph,
  feeds: Readonly<Record<string, ReferenceTensor>>,
  tolerance = 1e-5,
): void {
  const expected = interpret(graph, feeds);
  const arena = createArena(2 ** 22);
  const inputs = Object.entries(feeds).map(([name, feed]) => [name, shareTensor(engine, arena, feed)] as const);
  const outputs = Object.entries(expected).map(([name, { shape, data }]) => {
    return [name, shareTensor(engine, arena, { shape, data: data.map(() => 12_345) })] as const;
  });
  const ports = [...inputs, ...outputs].map(([name, { handle }]) => [name, handle] as const);
  engine.call(engine.compile(graph), Object.fromEntries(ports)).run();
  for (const [name, { view }] of outputs) expectClose(view, expected[name].data, tolerance, name);
  for (const [name, { view }] of inputs) assert.deepEqual(Array.from(view), Array.from(feeds[name].data), name);
  for (const [, handle] of ports) engine.releaseTensor(handle);
}

/** Asserts that the numbers agree within `tolerance` of the largest of those expected. */
export function expectClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
  what: string,
): void {
  assert.equal(actual.length, expected.length, what);
  let largest = 0;
  for (let i = 0; i < expected.length; i++) largest = Math.max(largest, Math.abs(expected[i]));
  for (let i = 0; i < expected.length; i++) {
    const isClose = Math.abs(actual[i] - expected[i]) <= tolerance * largest;
    assert.ok(isClose, `${what}, number ${i}: ${actual[i]} instead of ${expected[i]}`);
  }
}

function countElements(shape: readonly number[]): number {
  return shape.reduce((total, dim) => total * dim, 1);
}
