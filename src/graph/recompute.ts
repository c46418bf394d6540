import type { Graph, Node, Op } from './op.js';
import type { ComputedOp } from './shape-rules.js';

/**
 * What it costs to make a value again. `free`: its operand is no larger and says the same, so the operand is kept instead. `cheap`: one pass over
 * memory, about what fetching a saved value costs. `dear`: saved, always.
 */
type RemakeClass = 'free' | 'cheap' | 'dear';

const remakeClasses: { readonly [K in ComputedOp]: RemakeClass } = {
  reshape: 'free',
  broadcast: 'free',
  oneHot: 'free',

  add: 'cheap',
  subtract: 'cheap',
  multiply: 'cheap',
  divide: 'cheap',
  sigmoid: 'cheap',
  silu: 'cheap',
  reciprocalSquareRoot: 'cheap',
  rmsNormalize: 'cheap',
  sum: 'cheap',
  max: 'cheap',
  transpose: 'cheap',
  slice: 'cheap',
  concat: 'cheap',
  pad: 'cheap',
  rotate: 'cheap',
  gatherRows: 'cheap',
  expandRows: 'cheap',
  sumRows: 'cheap',

  exp: 'dear',
  log: 'dear',
  matmul: 'dear',
  softmax: 'dear',
  scatterAddRows: 'dear',
};

/** So many cheap ops in all may lie between a value that is made again and what is there; beyond, saving wins. */
const MOST_REMADE_OPS = 4;

export function isLeaf(op: Op): op is 'input' | 'constant' {
  return op === 'input' || op === 'constant';
}

/** Whether a value is never handed from one graph to another, but made again from its operand. */
export function isFree({ op }: Node): boolean {
  return !isLeaf(op) && remakeClasses[op] === 'free';
}

/** Whether a value costs at most one pass over memory to make from its operands. */
export function isCheap({ op }: Node): boolean {
  return !isLeaf(op) && remakeClasses[op] !== 'dear';
}

/** The value that `id` is only another view of. */
function withoutFreeOps(graph: Graph, id: number): number {
  let node = graph.nodes[id];
  while (isFree(node)) node = graph.nodes[node.inputs[0]];
  return node.id;
}

/** The value whose numbers, in the same order, `id` has in another shape. */
export function withoutReshapes(graph: Graph, id: number): number {
  let node = graph.nodes[id];
  while (node.op === 'reshape') node = graph.nodes[node.inputs[0]];
  return node.id;
}

/**
 * Which of the `forward` nodes the backward pass keeps, where it reads the values of `read`. Time comes first and memory second: a value is made
 * again only where that takes at most `MOST_REMADE_OPS` cheap ops from inputs and from values that are kept in any case; everything
 * else is saved. A value in `given`, which leaves the forward graph anyway, is saved rather than made again.
 */
export function chooseSaved(
  graph: Graph,
  forward: ReadonlySet<number>,
  read: ReadonlySet<number>,
  given: ReadonlySet<number>,
): ReadonlySet<number> {
  const kept = new Set([...read].map((id) => withoutFreeOps(graph, id)));
  const saved = new Set<number>();
  const remadeOps = new Map<number, number>();
  for (const node of graph.nodes) {
    if (isLeaf(node.op)) {
      remadeOps.set(node.id, 0);
    } else if (forward.has(node.id)) {
      const ops = node.inputs.reduce((total, id) => total + remadeOps.get(id)!, ownOps(node.op));
      const isSaved = kept.has(node.id) && (ops > MOST_REMADE_OPS || given.has(node.id));
      if (isSaved) saved.add(node.id);
      remadeOps.set(node.id, isSaved ? 0 : ops);
    }
  }
  return saved;
}

function ownOps(op: ComputedOp): number {
  const remakeClass = remakeClasses[op];
  if (remakeClass === 'free') return 0;
  return remakeClass === 'cheap' ? 1 : Number.POSITIVE_INFINITY;
}
