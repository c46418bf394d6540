import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createGraphBuilder, type GraphBuilder } from './builder.js';
import { differentiate } from './differentiate.js';
import type { Graph } from './op.js';
import { cutForTraining, type TrainingGraphs, type TrainingRoles } from './partition.js';
import { printGraph } from './print.js';
import { interpret } from './reference.js';
import type { Tensor } from './tensor-type.js';
import {
  createRandom,
  type Feeds,
  floats,
  ints,
  latentAttention,
  randomFeeds,
  randomGradients,
  randomTensor,
  swigluExpert,
} from './test-graphs.js';

/** Runs the three graphs in turn, handing on nothing but inputs, gradients and what `saved` lists, and holds the results against the joint graph. */
function assertSameAsJoint(graph: Graph, roles: TrainingRoles, feeds: Feeds): TrainingGraphs {
  const graphs = cutForTraining(graph, roles);
  const gradients = randomGradients(graph, feeds, roles.gradientOutputs);
  const wrt = [...roles.activations, ...roles.parameters];
  const joint = interpret(differentiate(graph, { outputs: roles.gradientOutputs, wrt }), { ...feeds, ...gradients });
  const given = { ...feeds, ...gradients };
  const run = (part: 'forward' | 'backwardInput' | 'backwardWeight', handed: Feeds) => {
    const taken = graphs.saved.filter(({ from, to }) => from !== part && to.some((reader) => reader === part));
    const ports = { ...given, ...Object.fromEntries(taken.map(({ name }) => [name, handed[name]])) };
    return interpret(graphs[part], pick(ports, graphs[part].inputs.keys()));
  };
  const forward = run('forward', {});
  const backwardInput = run('backwardInput', forward);
  const random = createRandom(3);
  for (const name of roles.parameters) given[`sum:${name}`] = randomTensor(feeds[name].shape, {}, random);
  const backwardWeight = run('backwardWeight', { ...forward, ...backwardInput });

  assert.deepEqual(pick(forward, graph.outputs.keys()), pick(joint, graph.outputs.keys()));
  for (const name of roles.activations) assert.deepEqual(backwardInput[`grad:${name}`], joint[`grad:${name}`]);
  assert.deepEqual(
    Object.keys(backwardWeight),
    roles.parameters.map((name) => `grad:${name}`),
  );
  for (const name of roles.parameters) {
    const expected = joint[`grad:${name}`].data.map((value, i) => given[`sum:${name}`].data[i] + value);
    assert.deepEqual(backwardWeight[`grad:${name}`].data, expected);
  }
  return graphs;
}

function pick(feeds: Feeds, names: Iterable<string>): Feeds {
  return Object.fromEntries([...names].map((name) => [name, feeds[name]]));
}

const crossings = ({ saved }: TrainingGraphs) =>
  saved.map(({ name, shape, from, to }) => `${name} [${shape.join(', ')}] ${from} -> ${to.join(', ')}`);

const opsOf = (graph: Graph) => graph.nodes.map(({ op }) => op).filter((op) => op !== 'input' && op !== 'constant');

const expertRoles = { activations: ['x', 'rowWeights'], parameters: ['gate', 'up', 'down'], gradientOutputs: ['y'] };

test('an expert saves its two projections and its result, and hands the product of both on to the weights', () => {
  const graph = swigluExpert();
  const graphs = assertSameAsJoint(graph, expertRoles, randomFeeds(graph, { rows: 3 }));
  assert.deepEqual(crossings(graphs), [
    'saved:3 [rows, 6] forward -> backwardInput',
    'saved:5 [rows, 6] forward -> backwardInput',
    'saved:9 [rows, 4] forward -> backwardInput',
    'saved:7 [rows, 6] backwardInput -> backwardWeight',
    'saved:12 [rows, 4] backwardInput -> backwardWeight',
    'saved:19 [rows, 6] backwardInput -> backwardWeight',
    'saved:25 [rows, 6] backwardInput -> backwardWeight',
  ]);
});

test("the weights' graph of an expert adds three products to the sums and does nothing else", () => {
  const { backwardWeight } = cutForTraining(swigluExpert(), expertRoles);
  assert.deepEqual(opsOf(backwardWeight).sort(), ['add', 'add', 'add', 'matmul', 'matmul', 'matmul']);
});

test('an expert computes one sigmoid in its backward pass, for the silu and for its gradient', () => {
  const { backwardInput } = cutForTraining(swigluExpert(), expertRoles);
  assert.equal(opsOf(backwardInput).filter((op) => op === 'sigmoid' || op === 'silu').length, 1);
});

test('an expert without rows trains', () => {
  const graph = swigluExpert();
  assertSameAsJoint(graph, expertRoles, randomFeeds(graph, { rows: 0 }));
});

test('latent attention saves no scores but the probabilities, and repeats no product of the forward pass', () => {
  const graph = latentAttention();
  const parameters = ['norm', 'query', 'down', 'latentNorm', 'keyValue', 'output'];
  const roles = { activations: ['x'], parameters, gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph));
  const count = (part: Graph, name: string) => opsOf(part).filter((op) => op === name).length;
  const products = count(graphs.forward, 'matmul');
  assert.equal(count(graphs.backwardInput, 'matmul') + count(graphs.backwardWeight, 'matmul'), 2 * products);
  assert.equal(count(graphs.backwardInput, 'softmax') + count(graphs.backwardWeight, 'softmax'), 0);
  const fromForward = graphs.saved.filter(({ from }) => from === 'forward');
  assert.deepEqual(
    fromForward.map(({ name, shape }) => `${name} [${shape.join(', ')}]`),
    [
      'saved:16 [4, 3]', // the latent before its norm
      'saved:29 [1, 2, 4, 4]', // keys
      'saved:30 [1, 2, 4, 2]', // values
      'saved:31 [1, 2, 2, 4]', // queries of the first block
      'saved:36 [1, 2, 2, 2]', // its probabilities
      'saved:39 [1, 2, 2, 4]', // queries of the second block
      'saved:43 [1, 2, 2, 4]', // its probabilities
      'saved:46 [1, 4, 2, 2]', // what the heads attended to
    ],
  );
});

test("the gradient of a norm's weight is summed before it is handed on", () => {
  const b = createGraphBuilder();
  const normal = b.multiply(b.rmsNormalize(b.input('x', ['rows', 4]), 1e-6), b.input('norm', [4]));
  const graph = b.build({ y: normal });
  const roles = { activations: ['x'], parameters: ['norm'], gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph, { rows: 3 }));
  assert.deepEqual(
    graphs.saved.map(({ shape, from }) => ({ shape, from })),
    [{ shape: [4], from: 'backwardInput' }],
  );
  assert.deepEqual(opsOf(graphs.backwardWeight), ['add']);
});

test('a small graph is cut into three readable ones', () => {
  const b = createGraphBuilder();
  const x = b.input('x', ['rows', 2]);
  const graph = b.build({ y: b.matmul(b.rmsNormalize(x, 1e-6), b.input('w', [3, 2]), { transposeB: true }) });
  const graphs = cutForTraining(graph, { activations: [], parameters: ['w'], gradientOutputs: ['y'] });
  assert.equal(
    printGraph(graphs.forward),
    `%0 = input x : float32[rows, 2]
%1 = rmsNormalize %0 (epsilon 0.000001) : float32[rows, 2]
%2 = input w : float32[3, 2]
%3 = matmul %1 %2 (transposeB) : float32[rows, 3]
output y = %3`,
  );
  assert.equal(
    printGraph(graphs.backwardWeight),
    `%0 = input x : float32[rows, 2]
%1 = rmsNormalize %0 (epsilon 0.000001) : float32[rows, 2]
%2 = input grad:y : float32[rows, 3]
%3 = matmul %2 %1 (transposeA) : float32[3, 2]
%4 = input sum:w : float32[3, 2]
%5 = add %4 %3 : float32[3, 2]
output grad:w = %5`,
  );
  assert.deepEqual(graphs.saved, []);
});

test('without activations nothing is left for the input gradients: an embedding', () => {
  const b = createGraphBuilder();
  const graph = b.build({ y: b.gatherRows(b.input('table', [4, 2]), b.input('tokens', ['rows'], 'int32')) });
  const roles = { activations: [], parameters: ['table'], gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph, {}, { tokens: ints([3, 0, 3]) }));
  assert.deepEqual(graphs.backwardInput, { nodes: [], inputs: new Map(), outputs: new Map() });
  assert.deepEqual(graphs.saved, []);
  assert.deepEqual([...graphs.backwardWeight.inputs.keys()], ['tokens', 'grad:y', 'sum:table']);
});

test('without parameters nothing is left for the weight gradients', () => {
  const b = createGraphBuilder();
  const graph = b.build({ y: b.softmax(b.input('x', ['rows', 3])) });
  const roles = { activations: ['x'], parameters: [], gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph, { rows: 2 }));
  assert.deepEqual(graphs.backwardWeight.nodes, []);
});

test('an output that is needed later is saved under its own name, in its own shape', () => {
  const b = createGraphBuilder();
  const y = b.reshape(b.softmax(b.input('x', ['rows', 4])), ['rows', 2, 2]);
  const graph = b.build({ y });
  const roles = { activations: ['x'], parameters: [], gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph, { rows: 2 }));
  const y2 = { name: 'y', shape: ['rows', 2, 2], type: 'float32', from: 'forward', to: ['backwardInput'] };
  assert.deepEqual(graphs.saved, [y2]);
  assert.deepEqual([...graphs.forward.outputs.keys()], ['y']);
});

test('an expert between the ways to its rows and back trains', () => {
  const b = createGraphBuilder();
  const maps = [b.input('rowToToken', ['rows'], 'int32'), b.input('tokenToRows', ['tokens', 2], 'int32')] as const;
  const rows = b.expandRows(b.input('x', ['tokens', 4]), ...maps);
  const hidden = b.silu(b.matmul(rows, b.input('up', [6, 4]), { transposeB: true }));
  const y = b.sumRows(b.matmul(hidden, b.input('down', [4, 6]), { transposeB: true }), ...maps);
  const graph = b.build({ y });
  const fixed = { rowToToken: ints([1, 0, 1, 0]), tokenToRows: ints([1, 3, 0, 2], [2, 2]) };
  const roles = { activations: ['x'], parameters: ['up', 'down'], gradientOutputs: ['y'] };
  assertSameAsJoint(graph, roles, randomFeeds(graph, { tokens: 2 }, fixed));
});

test('an output that could be made again is saved all the same, as it leaves the graph anyway', () => {
  const b = createGraphBuilder();
  const graph = b.build({ y: b.sigmoid(b.input('x', ['rows', 4])) });
  const roles = { activations: ['x'], parameters: [], gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph, { rows: 2 }));
  assert.deepEqual(crossings(graphs), ['y [rows, 4] forward -> backwardInput']);
});

test('an input and an output of one name are told apart', () => {
  const b = createGraphBuilder();
  const x = b.input('x', [2, 2]);
  const graph = b.build({ x: b.softmax(b.matmul(x, b.input('w', [2, 2]))) });
  const roles = { activations: ['x'], parameters: ['w'], gradientOutputs: ['x'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph));
  assert.deepEqual(
    graphs.saved.map(({ name }) => name),
    ['saved:3', 'saved:8'],
  );
});

test('probabilities are saved, and what only repeats a value is saved before it does', () => {
  const b = createGraphBuilder();
  const probabilities = b.broadcast(b.softmax(b.input('x', [1, 4])), [3, 4]);
  const graph = b.build({ y: b.matmul(probabilities, b.input('w', [4, 2])) });
  const roles = { activations: [], parameters: ['w'], gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph));
  assert.deepEqual(crossings(graphs), ['saved:1 [1, 4] forward -> backwardWeight']);
});

test('a gradient that is only passed on is an output and an input of the same graph', () => {
  const b = createGraphBuilder();
  const graph = b.build({ y: b.add(b.input('x', [2]), b.input('bias', [2])) });
  const roles = { activations: ['x'], parameters: ['bias'], gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph));
  assert.equal(printGraph(graphs.backwardInput), '%0 = input grad:y : float32[2]\noutput grad:x = %0');
});

test('a long chain of cheap ops is saved rather than made again', () => {
  const b = createGraphBuilder();
  const x = b.input('x', ['rows', 2]);
  let value = x;
  for (let i = 0; i < 6; i++) value = b.add(b.sigmoid(value), 1);
  const graph = b.build({ y: b.matmul(value, b.input('w', [2, 2])) });
  const roles = { activations: [], parameters: ['w'], gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph, { rows: 2 }));
  assert.deepEqual(opsOf(graphs.backwardWeight), ['matmul', 'add']);
});

test('what is made again for both passes is handed on, not made twice', () => {
  const b = createGraphBuilder();
  const normal = b.rmsNormalize(b.input('x', ['rows', 2]), 1e-6);
  const graph = b.build({ y: b.matmul(normal, b.input('w', [2, 2])) });
  const roles = { activations: ['x'], parameters: ['w'], gradientOutputs: ['y'] };
  const graphs = assertSameAsJoint(graph, roles, randomFeeds(graph, { rows: 2 }));
  assert.deepEqual(crossings(graphs), ['saved:1 [rows, 2] backwardInput -> backwardWeight']);
});

test('a loss of int32 targets and a mask trains', () => {
  const b = createGraphBuilder();
  const logits = b.matmul(b.input('x', ['rows', 3]), b.input('head', [5, 3]), { transposeB: true });
  const largest = b.max(logits);
  const total = b.add(b.log(b.sum(b.exp(b.subtract(logits, largest)), [-1], true)), largest);
  const picked = b.sum(b.multiply(logits, b.oneHot(b.input('targets', ['rows'], 'int32'), 5)), [-1], true);
  const losses = b.multiply(b.subtract(total, picked), b.input('mask', ['rows', 1]));
  const graph = b.build({ loss: b.sum(losses, [0, 1]), losses });
  const roles = { activations: ['x'], parameters: ['head'], gradientOutputs: ['loss'] };
  const fixed = { targets: ints([4, 0]), mask: floats([1, 0], [2, 1]) };
  assertSameAsJoint(graph, roles, randomFeeds(graph, { rows: 2 }, fixed));
});

/** Every `[rows, 4]` to `[rows, 4]`; `other` is any earlier value, `name` that of a new parameter. */
const steps: readonly ((b: GraphBuilder, x: Tensor, other: Tensor, name: string) => Tensor)[] = [
  (b, x, other) => b.add(x, other),
  (b, x, other) => b.multiply(x, other),
  (b, x, other) => b.concat([b.slice(x, 1, 2, 4), b.slice(other, 1, 0, 2)], 1),
  (b, x) => b.silu(x),
  (b, x) => b.sigmoid(x),
  (b, x) => b.softmax(x),
  (b, x) => b.rmsNormalize(x, 1e-3),
  (b, x, other) => b.subtract(x, b.sum(other, [1], true)),
  (b, x) => b.reshape(b.transpose(b.reshape(x, ['rows', 2, 2]), [0, 2, 1]), ['rows', 4]),
  (b, x, _, name) => b.matmul(x, b.input(name, [4, 4]), { scale: 0.5 }),
  (b, x, _, name) => b.matmul(x, b.input(name, [4, 4]), { transposeB: true }),
  (b, x, _, name) => b.multiply(x, b.input(name, [4])),
  (b, x, _, name) => b.add(x, b.input(name, ['rows', 1])),
];

function randomGraph(picks: readonly (readonly [number, number, number])[], outputs: number): Graph {
  const b = createGraphBuilder();
  const values = [b.multiply(b.input('x', ['rows', 4]), b.input('scale', [4]))];
  for (const [i, [step, first, second]] of picks.entries()) {
    const [x, other] = [values.at(-1 - (first % 2)) ?? values[0], values[second % values.length]];
    values.push(steps[step](b, x, other, `p${i}`));
  }
  const last = values.slice(-outputs).map((value, i) => [`y${i}`, value] as const);
  return b.build(Object.fromEntries(last));
}

test('the three graphs together compute exactly what the joint graph computes', () => {
  const pick = fc.tuple(fc.nat(steps.length - 1), fc.nat(1), fc.nat(20));
  const graphs = fc.tuple(fc.array(pick, { minLength: 1, maxLength: 14 }), fc.integer({ min: 1, max: 3 }));
  const property = fc.property(graphs, fc.nat(3), fc.nat(), ([picks, outputs], rows, mask) => {
    const graph = randomGraph(picks, outputs);
    const gradientOutputs = [...graph.outputs.keys()];
    const wrt = [...graph.inputs.keys()];
    const activations = wrt.filter((_, i) => (mask >> (i % 24)) % 2 === 0);
    const parameters = wrt.filter((name) => !activations.includes(name));
    assertSameAsJoint(graph, { activations, parameters, gradientOutputs }, randomFeeds(graph, { rows }));
  });
  fc.assert(property, { numRuns: 300 });
});
