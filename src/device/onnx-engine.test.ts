import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createGraphBuilder } from '../graph/index.js';
import { createOnnxEngine, type Engine, type TensorHandle } from './index.js';

const size = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

function shared(
  engine: Engine,
  shape: readonly number[],
  data?: ArrayLike<number>,
  integer = false,
): { handle: TensorHandle; view: Float32Array } {
  const buffer = new SharedArrayBuffer(Math.max(64, 4 * size(shape)));
  if (data !== undefined) (integer ? new Int32Array(buffer) : new Float32Array(buffer)).set(data);
  const handle = engine.tensor({ buffer, byteOffset: 0 }, shape, integer ? 'int32' : 'float32');
  return { handle, view: new Float32Array(buffer, 0, size(shape)) };
}

describe('the ONNX Runtime engine', () => {
  const engine = createOnnxEngine();
  it('adds a product to the memory that it reads the sum from', () => {
    const b = createGraphBuilder();
    const product = b.matmul(b.input('a', [16, 8]), b.input('b', [16, 4]), { transposeA: true });
    const graph = b.build({ 'grad:w': b.add(b.input('sum:w', [8, 4]), product) });
    const sum = shared(engine, [8, 4]);
    const ones = (shape: number[]) => shared(engine, shape, new Float32Array(size(shape)).fill(1)).handle;
    const call = engine.call(engine.compile(graph), {
      a: ones([16, 8]),
      b: ones([16, 4]),
      'sum:w': sum.handle,
      'grad:w': sum.handle,
    });
    call.run();
    call.run();
    assert.deepEqual([...new Set(sum.view)], [32]);
  });

  it("reports the library's own words when a tensor has the wrong shape", () => {
    const b = createGraphBuilder();
    const graph = b.build({ y: b.exp(b.input('x', [4])) });
    const call = engine.call(engine.compile(graph), { x: shared(engine, [5]).handle, y: shared(engine, [5]).handle });
    assert.throws(() => call.run(), { name: 'WorkError', message: /Got: 5 Expected: 4/ });
  });

  it('refuses to run on a tensor that was released, which native code would not survive', () => {
    const b = createGraphBuilder();
    const graph = b.build({ y: b.exp(b.input('x', [4])) });
    const x = shared(engine, [4]).handle;
    const call = engine.call(engine.compile(graph), { x, y: shared(engine, [4]).handle });
    call.run();
    engine.releaseTensor(x);
    assert.throws(() => call.run(), { name: 'InputError', message: /released/ });
  });
});
