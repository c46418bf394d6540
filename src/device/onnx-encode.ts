import { InputError } from '../base/index.js';
import type { ComputedOp, Dim, Graph } from '../graph/index.js';
import { findFusions, type NodeOf } from './onnx-fusions.js';
import { type OnnxConstant, type OnnxModel, type OnnxNode, type OnnxPort, writeModel } from './onnx-proto.js';
import { type OnnxCall, type OnnxWriter, onnxRules } from './onnx-rules.js';

/**
 * The graph as an ONNX ModelProto for ONNX Runtime (some operators are its own). Ports have the graph's names, named dims are dim_param. Throws
 * `InputError` if an input and an output have one name, or if a named dim is a dim of no input.
 */
export function encodeModel(graph: Graph): Uint8Array<ArrayBuffer> {
  return writeModel(lowerGraph(graph));
}

/** Where the model is gathered. */
interface Draft {
  readonly nodes: OnnxNode[];
  readonly constants: Map<string, OnnxConstant>;
  /** Of each node, the name of its value. */
  readonly values: readonly string[];
}

/** The same as a list of operators. */
export function lowerGraph(graph: Graph): OnnxModel {
  const shared = [...graph.outputs.keys()].find((name) => graph.inputs.has(name));
  if (shared !== undefined) throw new InputError({ what: `port ${shared} is both an input and an output` });
  const draft: Draft = { nodes: [], constants: new Map(), values: nameValues(graph) };
  const writer = createWriter(graph, draft);
  for (const node of graph.nodes) {
    const output = draft.values[node.id];
    if (node.op === 'constant') {
      draft.constants.set(output, { name: output, shape: node.shape.map(Number), data: node.parameters.data });
    } else if (node.op !== 'input' && !writer.fusions.absorbed.has(node.id)) {
      draft.nodes.push({ ...applyRule(node, writer), output });
    }
  }
  for (const [name, id] of graph.outputs) {
    if (draft.values[id] !== name) {
      draft.nodes.push({ operator: 'Identity', inputs: [draft.values[id]], output: name });
    }
  }
  const port = (name: string, id: number): OnnxPort => ({ ...graph.nodes[id], name });
  return {
    nodes: draft.nodes,
    constants: [...draft.constants.values()],
    inputs: [...graph.inputs].map(([name, id]) => port(name, id)),
    outputs: [...graph.outputs].map(([name, id]) => port(name, id)),
  };
}

/** The table's rule for the node's own op, which the compiler cannot see to be the same. */
function applyRule(node: NodeOf<ComputedOp>, writer: OnnxWriter): OnnxCall {
  const rule = onnxRules[node.op] as (node: NodeOf<ComputedOp>, writer: OnnxWriter) => OnnxCall;
  return rule(node, writer);
}

/** An output's name for the first output of a computed node, so that it needs no copy; numbers for what has no name. */
function nameValues({ nodes, outputs }: Graph): string[] {
  const values = nodes.map((node) => (node.op === 'input' ? node.parameters.name : `#${node.id}`));
  for (const [name, id] of outputs) {
    const { op } = nodes[id];
    if (op !== 'input' && op !== 'constant' && values[id] === `#${id}`) values[id] = name;
  }
  return values;
}

function createWriter(graph: Graph, { nodes, constants, values }: Draft): OnnxWriter {
  const namedDims = new Map<string, string>();
  const constant = (key: string, shape: readonly number[], data: OnnxConstant['data']): string => {
    const name = `#${key}`;
    constants.set(name, { name, shape, data });
    return name;
  };
  const writer: OnnxWriter = {
    fusions: findFusions(graph),
    value: (id) => values[id],
    shape: (id) => graph.nodes[id].shape,
    emit(call) {
      const output = `#${call.operator}${nodes.length}`;
      nodes.push({ ...call, output });
      return output;
    },
    floats: (numbers, shape) => constant(`floats${numbers}|${shape}`, shape, Float32Array.from(numbers)),
    integers: (numbers) => constant(`integers${numbers}`, [numbers.length], BigInt64Array.from(numbers, BigInt)),
    dims(shape) {
      if (isKnown(shape)) return writer.integers(shape);
      const parts = shape.map((dim) => (typeof dim === 'number' ? writer.integers([dim]) : namedDim(dim)));
      return writer.emit({ operator: 'Concat', inputs: parts, attributes: { axis: { int: 0 } } });
    },
  };
  const namedDim = (name: string): string => {
    const known = namedDims.get(name) ?? emitDim(graph, name, writer);
    namedDims.set(name, known);
    return known;
  };
  return writer;
}

/** An int64 tensor `[1]` of a named dim, read off an input that has it. */
function emitDim({ nodes, inputs }: Graph, name: string, writer: OnnxWriter): string {
  for (const id of inputs.values()) {
    const axis = nodes[id].shape.indexOf(name);
    if (axis >= 0) {
      const attributes = { start: { int: axis }, end: { int: axis + 1 } };
      return writer.emit({ operator: 'Shape', inputs: [writer.value(id)], attributes });
    }
  }
  throw new InputError({ what: `no input has the dim ${name}`, mend: 'name only dims that an input has' });
}

function isKnown(shape: readonly Dim[]): shape is readonly number[] {
  return shape.every((dim) => typeof dim === 'number');
}
