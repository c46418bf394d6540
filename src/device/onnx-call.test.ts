import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { InputError, WorkError } from '../base/index.js';
import { createGraphBuilder, type Graph, type GraphBuilder, interpret, type Tensor } from '../graph/index.js';
import { createArena } from './arena.js';
import { createOnnxEngine } from './onnx-engine.js';
import { findLibrary } from './onnxruntime/library.js';
import { expectClose, expectReference, pseudoRandom, randomIndices, randomTensor, shareTensor } from './test-engine.js';

const engine = createOnnxEngine();
after(() => engine.close());

function graphOf(build: (builder: GraphBuilder) => Record<string, Tensor>): Graph {
  const builder = createGraphBuilder();
  return builder.build(build(builder));
}

/** y = x w, of any number of rows. */
const product = () => graphOf((b) => ({ y: b.matmul(b.input('x', ['rows', 3]), b.input('w', [3, 4])) }));

test('one kernel runs with any number of rows, and a call takes other tensors', () => {
  const graph = product();
  const arena = createArena(65_536);
  const next = pseudoRandom(1);
  const w = randomTensor([3, 4], next);
  const call = engine.call(engine.compile(graph), {
    x: shareTensor(engine, arena, randomTensor([1, 3], next)).handle,
    w: shareTensor(engine, arena, w).handle,
    y: shareTensor(engine, arena, randomTensor([1, 4], next)).handle,
  });
  for (const rows of [0, 1, 7, 100, 3]) {
    const x = randomTensor([rows, 3], next);
    const result = shareTensor(engine, arena, randomTensor([rows, 4], next));
    call.bind('x', shareTensor(engine, arena, x).handle);
    call.bind('y', result.handle);
    call.run();
    expectClose(result.view, interpret(graph, { x, w }).y.data, 1e-6, `${rows} rows`);
  }
});

for (const rows of [0, 9]) {
  for (const [term, build] of [
    [
      'product',
      (b: GraphBuilder) => b.matmul(b.input('x', ['rows', 5]), b.input('g', ['rows', 8]), { transposeA: true }),
    ],
    ['scatter', (b: GraphBuilder) => b.scatterAddRows(b.input('g', ['rows', 8]), b.input('i', ['rows'], 'int32'), 5)],
    ['tensor', (b: GraphBuilder) => b.exp(b.input('h', [5, 8]))],
  ] as const) {
    test(`a ${term} of ${rows} rows adds up in place over microbatches when input and output share memory`, () => {
      const graph = graphOf((b) => ({ 'grad:w': b.add(b.input('sum:w', [5, 8]), build(b)) }));
      const kernel = engine.compile(graph);
      const arena = createArena(65_536);
      const next = pseudoRandom(rows);
      let expected = randomTensor([5, 8], next) as ReturnType<typeof interpret>[string];
      const sum = shareTensor(engine, arena, expected);
      for (let microbatch = 0; microbatch < 3; microbatch++) {
        const all = {
          x: randomTensor([rows, 5], next),
          g: randomTensor([rows, 8], next),
          h: randomTensor([5, 8], next),
          i: randomIndices([rows], 5, next),
        };
        const fed = Object.entries(all).filter(([name]) => graph.inputs.has(name));
        const handles = fed.map(([name, feed]) => [name, shareTensor(engine, arena, feed).handle]);
        engine.call(kernel, { ...Object.fromEntries(handles), 'sum:w': sum.handle, 'grad:w': sum.handle }).run();
        expected = interpret(graph, { ...Object.fromEntries(fed), 'sum:w': expected })['grad:w'];
      }
      expectClose(sum.view, expected.data, 1e-6, 'sum');
    });
  }
}

test('parts that are used elsewhere too, or whose shapes differ, keep their own value', () => {
  const next = pseudoRandom(5);
  const feeds = { a: randomTensor([4, 4], next), b: randomTensor([4], next) };
  const build: readonly ((g: GraphBuilder, a: Tensor, b: Tensor) => Record<string, Tensor>)[] = [
    (g, a, b) => ({ sum: g.add(g.matmul(a, a), a), twice: g.matmul(a, a), other: g.exp(b) }),
    (g, a, b) => ({ y: g.add(g.matmul(a, a), b) }),
    (g, a, b) => ({ y: g.multiply(g.add(g.matmul(a, a), g.matmul(a, g.exp(a))), b) }),
    (g, a, b) => ({ y: g.add(g.add(g.matmul(a, a), g.matmul(a, a)), b) }),
    (g, a, b) => ({ y: g.multiply(g.rmsNormalize(a, 1e-6), b), normal: g.rmsNormalize(a, 1e-6) }),
    (g, a, b) => ({ y: g.multiply(g.rmsNormalize(a, 1e-6), g.rmsNormalize(b, 1e-6)) }),
  ];
  for (const each of build) {
    const graph = graphOf((g) => each(g, g.input('a', [4, 4]), g.input('b', [4])));
    expectReference(engine, graph, feeds);
  }
});

test('an output may be an input, a constant, or the same value as another output', () => {
  const graph = graphOf((b) => {
    const x = b.input('x', ['rows', 2]);
    const y = b.exp(x);
    const numbers = b.constant(Float32Array.of(1, 2, 3), [3]);
    return { y, sameY: y, sameX: x, numbers, whole: b.constant(Int32Array.of(4, 5), [2]) };
  });
  expectReference(engine, graph, { x: randomTensor([3, 2], pseudoRandom(3)) });
});

test('outputs may be left out of a call', () => {
  const graph = graphOf((b) => ({ first: b.exp(b.input('x', [2])), second: b.multiply(b.input('z', [2]), 2) }));
  const arena = createArena(65_536);
  const [x, z, second] = [1, 2, 3].map((value) =>
    shareTensor(engine, arena, { shape: [2], data: Float64Array.of(value, value) }),
  );
  const call = engine.call(engine.compile(graph), { x: x.handle, z: z.handle, second: second.handle });
  call.run();
  assert.deepEqual(Array.from(second.view), [4, 4]);
  assert.throws(() => call.bind('first', second.handle), InputError);
});

test('a tensor may be empty, at the end of its buffer or in an empty one', () => {
  const kernel = engine.compile(product());
  const w = engine.tensor({ buffer: new SharedArrayBuffer(48), byteOffset: 0 }, [3, 4], 'float32');
  for (const byteLength of [8, 0]) {
    const memory = { buffer: new SharedArrayBuffer(byteLength), byteOffset: byteLength };
    const x = engine.tensor(memory, [0, 3], 'float32');
    const y = engine.tensor(memory, [0, 4], 'float32');
    assert.doesNotThrow(() => engine.call(kernel, { x, w, y }).run());
  }
});

test("a wrong shape is a WorkError with ONNX Runtime's own text, and the engine lives on", () => {
  const kernel = engine.compile(product());
  const arena = createArena(65_536);
  const zeros = (rows: number, columns: number) =>
    shareTensor(engine, arena, { shape: [rows, columns], data: new Float64Array(rows * columns) }).handle;
  const w = zeros(3, 4);
  const wrongInput = engine.call(kernel, { x: zeros(2, 5), w, y: zeros(2, 4) });
  const wrongOutput = engine.call(kernel, { x: zeros(2, 3), w, y: zeros(3, 4) });
  for (let time = 0; time < 2; time++) {
    assert.throws(() => wrongInput.run(), workError(/Got invalid dimensions for input: x.*Got: 5 Expected: 3/));
    assert.throws(() => wrongOutput.run(), workError(/has shape \{3,4\} but the computed output shape/));
  }
  engine.call(kernel, { x: zeros(2, 3), w, y: zeros(2, 4) }).run();
});

function workError(message: RegExp): (error: unknown) => boolean {
  return (error) => error instanceof WorkError && message.test(error.message);
}

test('tensors that do not lie in their buffer are refused', () => {
  const buffer = new SharedArrayBuffer(64);
  const bad: readonly (readonly [number, readonly number[]])[] = [
    [0, [17]],
    [4, [4, 4]],
    [-4, [1]],
    [2, [1]],
    [0, [-1]],
    [0, [1.5]],
    [0, [Number.NaN]],
    [68, [0]],
    [0, [1, 1, 1, 1, 1, 1, 1, 1, 1]],
  ];
  for (const [byteOffset, shape] of bad) {
    assert.throws(() => engine.tensor({ buffer, byteOffset }, shape, 'float32'), InputError);
  }
});

test('a call names the ports that are missing or unknown', () => {
  const kernel = engine.compile(product());
  const t = engine.tensor({ buffer: new SharedArrayBuffer(64), byteOffset: 0 }, [4], 'float32');
  assert.throws(() => engine.call(kernel, { x: t, y: t }), /no tensor is bound to w/);
  assert.throws(() => engine.call(kernel, { x: t, w: t }), /no output is bound/);
  assert.throws(() => engine.call(kernel, { x: t, w: t, y: t, z: t }), /no port z.*inputs are x, w/);
});

test('a released tensor and a closed engine are refused instead of followed', () => {
  const own = createOnnxEngine();
  const arena = createArena(65_536);
  const kernel = own.compile(graphOf((b) => ({ y: b.exp(b.input('x', [1])) })));
  const [x, y] = [0, 0].map((value) => shareTensor(own, arena, { shape: [1], data: Float64Array.of(value) }));
  const call = own.call(kernel, { x: x.handle, y: y.handle });
  call.run();
  assert.equal(y.view[0], 1);
  own.releaseTensor(x.handle);
  own.releaseTensor(x.handle);
  assert.throws(() => call.run(), /has been released/);
  assert.throws(() => own.call(kernel, { x: x.handle, y: y.handle }), /has been released/);
  own.close();
  assert.throws(() => call.run(), /closed/);
  assert.throws(() => own.call(kernel, { x: y.handle, y: y.handle }), /closed/);
  own.close();
});

test('graphs that cannot be run are refused: a port of two kinds, a dim that nothing tells', () => {
  const twoKinds = graphOf((b) => ({ x: b.exp(b.input('x', [1, 4])) }));
  const unknownDim = graphOf((b) => ({ y: b.broadcast(b.input('x', [1, 4]), ['rows', 4]) }));
  assert.throws(() => engine.compile(twoKinds), /x is both an input and an output/);
  assert.throws(() => engine.compile(unknownDim), /no input has the dim rows/);
});

test('a platform without a library is a WorkError that names it', () => {
  assert.throws(() => findLibrary('aix', 'ppc64'), workError(/no ONNX Runtime library for aix ppc64/));
  assert.throws(() => findLibrary('linux', 'riscv64'), WorkError);
  assert.match(findLibrary(process.platform, process.arch), /onnxruntime/);
});
