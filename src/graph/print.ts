import type { Graph, Node } from './op.js';
import { describeTensorType } from './tensor-type.js';

/** More numbers of a constant than these are not shown. */
const SHOWN_NUMBERS = 4;

/**
 * The graph as text, one line a node and then one an output: `%2 = matmul %0 %1 (transposeB) : float32[rows, 8]`. Parameters that say nothing
 * (false, a scale of 1) are left out.
 */
export function printGraph(graph: Graph): string {
  const outputs = [...graph.outputs].map(([name, id]) => `output ${name} = %${id}`);
  return [...graph.nodes.map(printNode), ...outputs].join('\n');
}

function printNode(node: Node): string {
  const parameters = printParameters(node);
  const words = [node.op, ...node.inputs.map((id) => `%${id}`), ...(parameters === '' ? [] : [parameters])];
  return `%${node.id} = ${words.join(' ')} : ${describeTensorType(node)}`;
}

function printParameters(node: Node): string {
  if (node.op === 'input') return node.parameters.name;
  if (node.op === 'constant') {
    const { data } = node.parameters;
    const shown = [...data.subarray(0, SHOWN_NUMBERS)].map((value) => Number(value.toPrecision(6))).join(', ');
    return `(${shown}${data.length > SHOWN_NUMBERS ? ', …' : ''})`;
  }
  const parts = Object.entries(node.parameters).flatMap(([name, value]) => printParameter(name, value));
  return parts.length === 0 ? '' : `(${parts.join(', ')})`;
}

function printParameter(name: string, value: number | boolean | string | readonly unknown[]): string[] {
  if (value === false || (name === 'scale' && value === 1)) return [];
  if (value === true) return [name];
  return [`${name} ${Array.isArray(value) ? `[${value.join(', ')}]` : value}`];
}
