import { workerData } from 'node:worker_threads';
import { createGraphBuilder, type Graph } from '../graph/index.js';
import { createOnnxEngine } from './onnx-engine.js';

// A thread of this folder's tests.

/** What the thread is to do, and the memory it shares with the test. */
export interface WorkerTask {
  readonly task: 'exchange' | 'compute';
  readonly memory: SharedArrayBuffer;
}

export const size = 32;
export const rounds = 50;
/** Layout of the memory, in numbers of 4 bytes: the flag, then x, then y, both `[size, size]`. */
export const xStart = 16;
export const yStart = xStart + size * size;
export const memoryBytes = 4 * (yStart + size * size);

/** y = silu(x x^T). */
export function testGraph(): Graph {
  const builder = createGraphBuilder();
  const x = builder.input('x', [size, size]);
  return builder.build({ y: builder.silu(builder.matmul(x, x, { transposeB: true })) });
}

/** Number i of x in a round. */
export function testNumber(i: number, round: number): number {
  return Math.fround(Math.sin(i + 1000 * round));
}

/** Waits until the flag is no longer `value`; throws after a minute, as then the other thread must have failed. */
export function waitWhile(memory: SharedArrayBuffer, value: number): void {
  if (Atomics.wait(new Int32Array(memory), 0, value, 60_000) === 'timed-out') throw new Error('nobody set the flag');
}

export function setFlag(memory: SharedArrayBuffer, value: number): void {
  const flag = new Int32Array(memory);
  Atomics.store(flag, 0, value);
  Atomics.notify(flag, 0);
}

/** Writes x, sets the flag to 1, and at 2 writes y back into x. */
function exchange(memory: SharedArrayBuffer): void {
  const x = new Float32Array(memory, 4 * xStart, size * size);
  const y = new Float32Array(memory, 4 * yStart, size * size);
  for (let i = 0; i < x.length; i++) x[i] = testNumber(i, 0);
  setFlag(memory, 1);
  waitWhile(memory, 1);
  x.set(y);
}

/** Sets the flag to 1 when its engine is ready, and at 2 computes every round; y is that of the last. */
function compute(memory: SharedArrayBuffer): void {
  const engine = createOnnxEngine();
  const x = new Float32Array(memory, 4 * xStart, size * size);
  const call = engine.call(engine.compile(testGraph()), {
    x: engine.tensor({ buffer: memory, byteOffset: 4 * xStart }, [size, size], 'float32'),
    y: engine.tensor({ buffer: memory, byteOffset: 4 * yStart }, [size, size], 'float32'),
  });
  setFlag(memory, 1);
  waitWhile(memory, 1);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < x.length; i++) x[i] = testNumber(i, round);
    call.run();
  }
  engine.close();
}

const { task, memory } = (workerData ?? {}) as Partial<WorkerTask>;
if (memory !== undefined) (task === 'exchange' ? exchange : compute)(memory);
