import type { Graph, Node, Shape } from '../graph/index.js';

/** The node of one op. */
export type NodeOf<K extends Node['op']> = Extract<Node, { readonly op: K }>;

/** Nodes that are computed as a part of the only node that uses them. */
export interface Fusions {
  /** `add` node -> what it adds to: a product or a scatter that starts from the other operand instead of from zeros. */
  readonly accumulations: ReadonlyMap<number, Accumulation>;
  /** `multiply` node -> the normalisation whose weight its other operand is. */
  readonly scales: ReadonlyMap<number, Scale>;
  /** Nodes that are part of another and have no value of their own. */
  readonly absorbed: ReadonlySet<number>;
}

export interface Accumulation {
  readonly term: NodeOf<'matmul'> | NodeOf<'scatterAddRows'>;
  /** Id of the operand that is added to. */
  readonly start: number;
}

export interface Scale {
  readonly normalization: NodeOf<'rmsNormalize'>;
  /** Id of the operand `[dim]`. */
  readonly weight: number;
}

/** Finds what the engine can do in one kernel. Accumulating in place, into memory that input and output share, rests on this. */
export function findFusions(graph: Graph): Fusions {
  const uses = countUses(graph);
  const accumulations = new Map<number, Accumulation>();
  const scales = new Map<number, Scale>();
  const absorbed = new Set<number>();
  const isFree = ({ id }: Node) => uses[id] === 1 && !absorbed.has(id);
  for (const node of graph.nodes) {
    if (node.op !== 'add' && node.op !== 'multiply') continue;
    for (const [part, other] of bothOrders(graph, node)) {
      if (!isFree(part)) continue;
      if (node.op === 'add' && isAccumulating(part) && isSame(other.shape, part.shape)) {
        accumulations.set(node.id, { term: part, start: other.id });
      } else if (node.op === 'multiply' && part.op === 'rmsNormalize' && isSame(other.shape, part.shape.slice(-1))) {
        scales.set(node.id, { normalization: part, weight: other.id });
      } else continue;
      absorbed.add(part.id);
      break;
    }
  }
  return { accumulations, scales, absorbed };
}

function countUses({ nodes, outputs }: Graph): number[] {
  const uses = nodes.map(() => 0);
  for (const { inputs } of nodes) for (const id of inputs) uses[id]++;
  for (const id of outputs.values()) uses[id]++;
  return uses;
}

function bothOrders({ nodes }: Graph, { inputs: [a, b] }: Node): readonly (readonly [Node, Node])[] {
  return [
    [nodes[a], nodes[b]],
    [nodes[b], nodes[a]],
  ];
}

function isAccumulating(node: Node): node is Accumulation['term'] {
  return node.op === 'scatterAddRows' || (node.op === 'matmul' && node.shape.length === 2);
}

function isSame(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((dim, axis) => dim === b[axis]);
}
