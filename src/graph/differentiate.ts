import { InputError } from '../base/index.js';
import { builderOver } from './builder.js';
import { operandGradients } from './gradient-rules.js';
import { createNodeList, type NodeList } from './node-list.js';
import type { Graph, Node } from './op.js';
import { describeTensorType, type Tensor } from './tensor-type.js';

export interface DifferentiateOptions {
  /** The outputs whose gradient is fed, as the inputs `grad:NAME`. */
  readonly outputs: readonly string[];
  /** The inputs whose gradient is wanted, as the outputs `grad:NAME`. */
  readonly wrt: readonly string[];
}

/**
 * Reverse-mode differentiation, graph to graph: the joint graph has the inputs and outputs of `graph`, an input `grad:OUTPUT` for each of
 * `outputs` and an output `grad:INPUT` for each of `wrt`, of the same shapes. Nothing passes through `max` and through int32 tensors. Throws
 * `InputError` if a name is unknown or not float32, or if an input of `wrt` gets no gradient: a parameter that does nothing is a mistake.
 */
export function differentiate(graph: Graph, { outputs, wrt }: DifferentiateOptions): Graph {
  for (const name of outputs) checkFloat(graph, graph.outputs, name, 'output');
  for (const name of wrt) checkFloat(graph, graph.inputs, name, 'input');
  const list = createNodeList();
  const tensors = copyNodes(graph, list);
  const contributions = createContributions(list);
  for (const name of outputs) {
    const id = graph.outputs.get(name)!;
    contributions.add(id, list.input(`grad:${name}`, tensors[id]));
  }
  propagate(graph, list, tensors, contributions, new Set(wrt.map((name) => graph.inputs.get(name)!)));
  const results = Object.fromEntries([...graph.outputs].map(([name, id]) => [name, tensors[id]]));
  for (const name of wrt) {
    const gradient = contributions.sum(graph.inputs.get(name)!);
    if (gradient === undefined) {
      throw new InputError({
        what: `input '${name}' gets no gradient`,
        where: `outputs ${outputs.join(', ') || 'none'}`,
        mend: 'use it on the way to one of these outputs, or do not ask for its gradient',
      });
    }
    results[`grad:${name}`] = gradient;
  }
  return list.build(results);
}

function checkFloat(graph: Graph, ports: ReadonlyMap<string, number>, name: string, kind: 'input' | 'output'): void {
  const id = ports.get(name);
  if (id === undefined) {
    const known = [...ports.keys()].join(', ') || 'none';
    throw new InputError({ what: `the graph has no ${kind} '${name}'`, where: `it has ${known}` });
  }
  if (graph.nodes[id].type === 'float32') return;
  const type = describeTensorType(graph.nodes[id]);
  throw new InputError({ what: `${kind} '${name}' is ${type}: only float32 has a gradient` });
}

/** The same node on other operands. */
export function copyNode(list: NodeList, node: Node, operands: readonly Tensor[]): Tensor {
  if (node.op === 'input') return list.input(node.parameters.name, node);
  // A constant's shape is made of counts.
  if (node.op === 'constant') return list.constant(node.parameters.data, node.shape as readonly number[]);
  return list.add(node.op, operands, node.parameters);
}

function copyNodes(graph: Graph, list: NodeList): readonly Tensor[] {
  const tensors: Tensor[] = [];
  for (const node of graph.nodes) {
    const operands = node.inputs.map((id) => tensors[id]);
    tensors.push(copyNode(list, node, operands));
  }
  return tensors;
}

/** Walks back from the results: what a node's readers gave it is complete when its turn comes. */
function propagate(
  graph: Graph,
  list: NodeList,
  tensors: readonly Tensor[],
  contributions: Contributions,
  sources: ReadonlySet<number>,
): void {
  const builder = builderOver(list);
  const wanted = nodesThatDependOn(graph, sources);
  for (const node of graph.nodes.toReversed()) {
    if (node.op === 'input' || node.op === 'constant' || !wanted.has(node.id)) continue;
    const gradient = contributions.sum(node.id);
    if (gradient === undefined) continue;
    const site = { operands: node.inputs.map((id) => tensors[id]), result: tensors[node.id], gradient };
    const gradients = operandGradients(node.op, builder, site, node.parameters);
    for (const [position, id] of node.inputs.entries()) {
      if (!wanted.has(id)) continue;
      const part = gradients[position];
      if (part === 'unsupported') {
        throw new InputError({
          what: `${node.op} has no gradient for its operand ${position}, ${describeTensorType(tensors[id])}`,
          mend: 'let it depend on no input whose gradient is asked for',
        });
      }
      if (part !== 'stopped') contributions.add(id, part);
    }
  }
}

function nodesThatDependOn(graph: Graph, sources: ReadonlySet<number>): ReadonlySet<number> {
  const dependent = new Set(sources);
  for (const { id, inputs } of graph.nodes) {
    if (inputs.some((input) => dependent.has(input))) dependent.add(id);
  }
  return dependent;
}

/** What the readers of each node give to its gradient, by the node's id. */
interface Contributions {
  add(id: number, part: Tensor): void;
  /** The node's gradient, or undefined if nothing reached it. */
  sum(id: number): Tensor | undefined;
}

function createContributions(list: NodeList): Contributions {
  const parts = new Map<number, Tensor[]>();
  return {
    add(id, part) {
      parts.set(id, [...(parts.get(id) ?? []), part]);
    },
    sum(id) {
      const found = parts.get(id);
      if (found === undefined) return undefined;
      return joinTiles(list, found) ?? found.reduce((total, part) => list.add('add', [total, part], {}));
    },
  };
}

/** Where each part is padded with zeros along one axis and the parts tile it (slices that were read apart), joining is cheaper than adding. */
function joinTiles(list: NodeList, parts: readonly Tensor[]): Tensor | undefined {
  const tiles = [];
  for (const part of parts) {
    const node = list.node(part);
    if (node.op !== 'pad') return undefined;
    tiles.push({ ...node.parameters, tile: list.operand(node, 0), whole: part });
  }
  tiles.sort((a, b) => a.before - b.before);
  const [{ axis, whole }] = tiles;
  let end = 0;
  for (const { axis: own, before, tile } of tiles) {
    if (own !== axis || before !== end) return undefined;
    end += Number(tile.shape[axis]);
  }
  const joined = tiles.map(({ tile }) => tile);
  return end === whole.shape[axis] ? list.add('concat', joined, { axis }) : undefined;
}
