import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { interpret } from '../graph/index.js';
import { createOnnxEngine } from './onnx-engine.js';
import { expectClose } from './test-engine.js';
import {
  memoryBytes,
  rounds,
  setFlag,
  size,
  testGraph,
  testNumber,
  type WorkerTask,
  waitWhile,
  xStart,
  yStart,
} from './test-worker.js';

function startWorker(workerData: WorkerTask): { readonly exit: Promise<unknown[]> } {
  const worker = new Worker(new URL('./test-worker.js', import.meta.url), { workerData });
  // `once` rejects if the thread throws.
  return { exit: once(worker, 'exit') };
}

const numbers = (memory: SharedArrayBuffer, start: number) => new Float32Array(memory, 4 * start, size * size);

function expectedNumbers(round: number): ArrayLike<number> {
  const data = Float64Array.from({ length: size * size }, (_, i) => testNumber(i, round));
  return interpret(testGraph(), { x: { shape: [size, size], data } }).y.data;
}

// First in this file, so that the threads of the first round are the only ones that have loaded the library, and the second loads it anew.
test('two threads compute at once, and two more after these have ended', async () => {
  for (let time = 0; time < 2; time++) {
    const memories = [new SharedArrayBuffer(memoryBytes), new SharedArrayBuffer(memoryBytes)];
    const workers = memories.map((memory) => startWorker({ task: 'compute', memory }));
    for (const memory of memories) waitWhile(memory, 0);
    for (const memory of memories) setFlag(memory, 2);
    for (const { exit } of workers) assert.deepEqual(await exit, [0]);
    for (const memory of memories) expectClose(numbers(memory, yStart), expectedNumbers(rounds - 1), 1e-5, 'y');
  }
});

test('a run sees what another thread wrote before it, and that thread sees the result', async () => {
  const memory = new SharedArrayBuffer(memoryBytes);
  const engine = createOnnxEngine();
  const call = engine.call(engine.compile(testGraph()), {
    x: engine.tensor({ buffer: memory, byteOffset: 4 * xStart }, [size, size], 'float32'),
    y: engine.tensor({ buffer: memory, byteOffset: 4 * yStart }, [size, size], 'float32'),
  });
  const { exit } = startWorker({ task: 'exchange', memory });
  waitWhile(memory, 0);
  call.run();
  expectClose(numbers(memory, yStart), expectedNumbers(0), 1e-5, 'y');
  setFlag(memory, 2);
  assert.deepEqual(await exit, [0]);
  assert.deepEqual(numbers(memory, xStart), numbers(memory, yStart));
  engine.close();
});
