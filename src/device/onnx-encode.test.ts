import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGraphBuilder, type GraphBuilder, type Tensor } from '../graph/index.js';
import { lowerGraph } from './onnx-encode.js';

function operators(build: (builder: GraphBuilder) => Tensor): readonly string[] {
  const builder = createGraphBuilder();
  return lowerGraph(builder.build({ y: build(builder) })).nodes.map(({ operator }) => operator);
}

test('a gradient that is added to a sum starts from the sum', () => {
  const product = operators((b) =>
    b.add(
      b.matmul(b.input('x', ['rows', 3]), b.input('g', ['rows', 4]), { transposeA: true, scale: 2 }),
      b.input('sum', [3, 4]),
    ),
  );
  assert.deepEqual(product, ['Gemm']);
  const scatter = operators((b) =>
    b.add(b.input('sum', [3, 4]), b.scatterAddRows(b.input('g', ['rows', 4]), b.input('i', ['rows'], 'int32'), 3)),
  );
  assert.deepEqual(scatter, ['Cast', 'Unsqueeze', 'ScatterND']);
});

test('a normalisation takes its weight along', () => {
  const weighted = operators((b) => b.multiply(b.rmsNormalize(b.input('x', ['rows', 4]), 1e-6), b.input('w', [4])));
  assert.deepEqual(weighted, ['SimplifiedLayerNormalization']);
});

test('products transpose their operands by themselves, in any rank', () => {
  const flags = { transposeA: true, transposeB: true };
  const matrix = operators((b) => b.matmul(b.input('x', [3, 2]), b.input('w', [4, 3]), flags));
  const batch = operators((b) => b.matmul(b.input('x', ['batch', 3, 2]), b.input('w', ['batch', 4, 3]), flags));
  assert.deepEqual([matrix, batch], [['Gemm'], ['FusedMatMul']]);
});

test('named dims stay named, and outputs have the names that the graph gives them', () => {
  const builder = createGraphBuilder();
  const y = builder.exp(builder.input('x', ['rows', 4]));
  const { inputs, outputs, nodes } = lowerGraph(builder.build({ y, again: y }));
  const describe = ({ name, shape }: (typeof inputs)[number]) => `${name} [${shape}]`;
  assert.deepEqual(inputs.map(describe), ['x [rows,4]']);
  assert.deepEqual(outputs.map(describe), ['y [rows,4]', 'again [rows,4]']);
  assert.deepEqual(
    nodes.map(({ operator, output }) => `${operator} ${output}`),
    ['Exp y', 'Identity again'],
  );
});
