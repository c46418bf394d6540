import { InputError } from '../base/index.js';
import type { Dim, Graph, Node, OpParameters, Shape } from './op.js';
import { type ReferenceTensor, runReferenceKernel } from './reference-kernels.js';
import { describeTensorType } from './tensor-type.js';

/**
 * Runs `graph` in plain loops and float64 on `feeds`, by input name, and gives its outputs by name: the oracle of every faster way to run a graph.
 * A float32 input takes a `Float64Array`, an int32 input an `Int32Array`, in row-major order; named dims take their counts from the feeds.
 * Throws `InputError` if a feed is missing or unknown, or does not have the shape and type that the input declares.
 */
export function interpret(
  graph: Graph,
  feeds: Readonly<Record<string, ReferenceTensor>>,
): Record<string, ReferenceTensor> {
  const unknown = Object.keys(feeds).find((name) => !graph.inputs.has(name));
  if (unknown !== undefined) {
    const known = [...graph.inputs.keys()].join(', ');
    throw new InputError({ what: `the graph has no input '${unknown}'`, mend: `feed ${known || 'nothing'}` });
  }
  const counts = bindNamedDims(graph, feeds);
  const values: ReferenceTensor[] = [];
  for (const node of graph.nodes) values.push(evaluate(node, values, feeds, counts));
  return Object.fromEntries([...graph.outputs].map(([name, id]) => [name, values[id]]));
}

function evaluate(
  node: Node,
  values: readonly ReferenceTensor[],
  feeds: Readonly<Record<string, ReferenceTensor>>,
  counts: ReadonlyMap<string, number>,
): ReferenceTensor {
  if (node.op === 'input') return feeds[node.parameters.name];
  const shape = concreteShape(node.shape, counts);
  if (node.op === 'constant') return { shape, data: constantData(node.parameters) };
  const size = shape.reduce((total, dim) => total * dim, 1);
  const result = { shape, data: node.type === 'float32' ? new Float64Array(size) : new Int32Array(size) };
  const operands = node.inputs.map((id) => values[id]);
  runReferenceKernel(node.op, result, operands, node.parameters);
  return result;
}

function constantData({ data }: OpParameters['constant']): Float64Array | Int32Array {
  return data instanceof Int32Array ? data : Float64Array.from(data);
}

/** The count of each named dim, after checking every feed against its input. */
function bindNamedDims(graph: Graph, feeds: Readonly<Record<string, ReferenceTensor>>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [name, id] of graph.inputs) {
    const declared = graph.nodes[id];
    const feed = feeds[name];
    if (feed === undefined) throw new InputError({ what: `input '${name}' is not fed` });
    if (!isFeedFor(declared, feed, counts)) {
      const type = feed.data instanceof Int32Array ? 'int32' : 'float32';
      const got = `${describeTensorType({ shape: feed.shape, type })} with ${feed.data.length} numbers`;
      const dims = [...counts].map(([dim, count]) => `${dim} = ${count}`).join(', ');
      throw new InputError({
        what: `input '${name}' is ${describeTensorType(declared)} but was fed ${got}`,
        ...(dims === '' ? {} : { where: `where ${dims}` }),
      });
    }
  }
  return counts;
}

/** Adds the named dims that this feed tells to `counts`. */
function isFeedFor(declared: Node, { shape, data }: ReferenceTensor, counts: Map<string, number>): boolean {
  if (data instanceof Int32Array !== (declared.type === 'int32')) return false;
  if (shape.length !== declared.shape.length) return false;
  if (data.length !== shape.reduce((total, dim) => total * dim, 1)) return false;
  return declared.shape.every((dim, axis) => {
    if (typeof dim === 'string' && !counts.has(dim)) counts.set(dim, shape[axis]);
    return shape[axis] === (typeof dim === 'string' ? counts.get(dim) : dim);
  });
}

function concreteShape(shape: Shape, counts: ReadonlyMap<string, number>): number[] {
  return shape.map((dim) => concreteDim(dim, counts));
}

function concreteDim(dim: Dim, counts: ReadonlyMap<string, number>): number {
  if (typeof dim === 'number') return dim;
  const count = counts.get(dim);
  if (count === undefined) {
    throw new InputError({ what: `no input has the dim '${dim}'`, mend: 'give the graph an input that has it' });
  }
  return count;
}
