import type { Graph, TrainingGraphs } from '../../graph/index.js';
import { type Binding, fixedShape, type Ref, type RunStep, type ValueSpec } from '../program.js';
import type { Block } from './blocks.js';

export type Phase = 'forward' | 'backwardInput' | 'backwardWeight';

export const value = (name: string): Ref => ({ space: 'value', name });

/** Name of the gradient of value `name`. */
export const gradientOf = (name: string): string => `grad:${name}`;

/** How the ports of a block are connected in one layer. */
export interface Wiring {
  /** Before the names of the values that only this block uses: what it saves between its graphs. */
  readonly prefix: string;
  /** Activations, index tensors and outputs: port -> tensor. */
  readonly ports: Readonly<Record<string, Ref>>;
  /** Where the gradient of a port is, if not at `grad:<value of the port>`. */
  readonly gradients?: Readonly<Record<string, Ref>>;
  /** Full name of the parameter of a port. */
  readonly parameterName: (port: string) => string;
}

/** Values of a chunk, filled while its steps are made. */
export type Values = Map<string, ValueSpec>;

/** The graph of a block that runs in `phase`. */
export function graphOf(graphs: TrainingGraphs, phase: Phase): Graph {
  return graphs[phase];
}

/** Name of the kernel that runs a block's graph. */
export function kernelName(block: Block, phase: Phase): string {
  return `${block.name}.${phase}`;
}

/** The step that runs one graph of a block, or none where the graph has nothing to do. */
export function runBlock(block: Block, phase: Phase, wiring: Wiring, values: Values): RunStep[] {
  const graph = graphOf(block.graphs, phase);
  if (graph.outputs.size === 0) return [];
  const inputs = bindPorts(graph.inputs.keys(), block, wiring);
  const outputs = bindPorts(graph.outputs.keys(), block, wiring);
  declareOutputs(graph, outputs, values, 0);
  return [{ kind: 'run', kernel: kernelName(block, phase), inputs, outputs }];
}

/** Connects the ports of a graph by the naming rules of `cutForTraining`. */
export function bindPorts(ports: Iterable<string>, block: Block, wiring: Wiring): Binding[] {
  return [...ports].map((port) => ({ port, ref: resolvePort(port, block, wiring) }));
}

/** Notes the values that a step writes; `rows` is the count of a named dim. */
export function declareOutputs(graph: Graph, outputs: readonly Binding[], values: Values, rows: number): void {
  for (const { port, ref } of outputs) {
    if (ref.space !== 'value') continue;
    const { shape, type } = graph.nodes[graph.outputs.get(port) as number];
    values.set(ref.name, { shape: fixedShape(shape, rows), type });
  }
}

function resolvePort(port: string, block: Block, wiring: Wiring): Ref {
  if (block.parameters.includes(port)) return { space: 'parameter', name: wiring.parameterName(port) };
  const accumulated = /^(?:sum|grad):(.*)$/.exec(port)?.[1];
  if (accumulated !== undefined && block.parameters.includes(accumulated)) {
    return { space: 'gradient', name: wiring.parameterName(accumulated) };
  }
  if (accumulated !== undefined) {
    return wiring.gradients?.[accumulated] ?? value(gradientOf(wiring.ports[accumulated].name));
  }
  return wiring.ports[port] ?? value(wiring.prefix + port);
}
