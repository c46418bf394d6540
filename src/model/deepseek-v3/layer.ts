import type { ModelConfig } from '../../config/index.js';
import type { Dispatcher, Movement } from '../dispatcher.js';
import type { Binding, ExpertsStep, Ref, RouteStep, RoutingRefs, Segment, Step } from '../program.js';
import type { Block, BlockName } from './blocks.js';
import { selectionBiasName, slotPrefix } from './parameters.js';
import type { BatchShape } from './shapes.js';
import {
  bindPorts,
  declareOutputs,
  gradientOf,
  graphOf,
  kernelName,
  type Phase,
  runBlock,
  type Values,
  value,
  type Wiring,
} from './wiring.js';

/** The segments of a part of a stage: `backward` holds input and weight gradients, each as early as it can be. */
export interface PartSegments {
  readonly forward: readonly Segment[];
  readonly backward: readonly Segment[];
}

export interface LayerContext {
  readonly model: ModelConfig;
  readonly batch: BatchShape;
  readonly blocks: ReadonlyMap<BlockName, Block>;
  readonly dispatcher: Dispatcher;
  readonly values: Values;
}

/** Names of the activation that enters layer `layer` (the last one enters the head). */
export const layerInput = (layer: number): string => `x${layer}`;

function block(context: LayerContext, name: BlockName): Block {
  const found = context.blocks.get(name);
  if (found === undefined) throw new Error(`the model has no ${name} block`);
  return found;
}

function segment(name: Segment['name'], phase: Phase, layer: number, steps: readonly Step[]): Segment {
  return { name, phase, layer, lane: 'compute', steps };
}

/** A part of one compute segment a phase: embedding, dense layer, head. */
export function simplePart(
  context: LayerContext,
  name: 'embed' | 'dense' | 'head',
  layer: number,
  wiring: Wiring,
): PartSegments {
  const run = (phase: Phase) => runBlock(block(context, name), phase, wiring, context.values);
  const forward = [segment(name, 'forward', layer, run('forward'))];
  const backward = (['backwardInput', 'backwardWeight'] as const).map((phase) =>
    segment(name, phase, layer, run(phase)),
  );
  return { forward, backward: backward.filter(({ steps }) => steps.length > 0) };
}

export function layerWiring(
  layer: number,
  kind: string,
  ports: Record<string, Ref>,
  gradients?: Record<string, Ref>,
): Wiring {
  const parameterName = (port: string) => `model.layers.${layer}.${port}`;
  return { prefix: `layers.${layer}.${kind}.`, ports, parameterName, ...(gradients && { gradients }) };
}

/** Names of the values of one Mixture-of-Experts layer; see `DispatchTensors`. Both sides of a journey that nobody makes are one value. */
function moeValues(layer: number, isShared: boolean) {
  const name = (local: string) => `layers.${layer}.${local}`;
  const there = { rows: name('rows'), rowWeights: name('rowWeights'), expertRows: name('expertRows') };
  const here = isShared
    ? { tokenRows: name('tokenRows'), tokenWeights: name('tokenWeights'), returnedRows: name('returnedRows') }
    : { tokenRows: there.rows, tokenWeights: there.rowWeights, returnedRows: there.expertRows };
  const routing = {
    choiceToScore: value(name('choiceToScore')),
    rowToChoice: value(name('rowToChoice')),
    rowToToken: value(name('rowToToken')),
    choiceToRow: value(name('choiceToRow')),
    slotOffsets: value(name('slotOffsets')),
    loadFractions: value(name('loadFractions')),
  } satisfies RoutingRefs;
  return {
    x: layerInput(layer),
    y: layerInput(layer + 1),
    base: name('base'),
    hidden: name('hidden'),
    scores: name('scores'),
    balanceLoss: name('balanceLoss'),
    ...there,
    ...here,
    routing,
    counts: value(name('counts')),
    slotOffsets: isShared ? value(name('receivedOffsets')) : routing.slotOffsets,
  };
}

/** A Mixture-of-Experts layer: attention | dispatch | experts | combine, and back. */
export function moePart(context: LayerContext, layer: number): PartSegments {
  const { values, dispatcher } = context;
  const v = moeValues(layer, dispatcher.ranks > 1);
  declareMoeValues(context, v);
  const { attention, gate } = moeWirings(layer, v);
  const run = (name: BlockName, phase: Phase, wiring: Wiring) => runBlock(block(context, name), phase, wiring, values);
  const experts = (phase: Phase) => segment('experts', phase, layer, expertsStep(context, layer, phase, v));
  const communicate = (name: 'dispatch' | 'combine', phase: Phase, movement: Movement): Segment => ({
    ...segment(name, phase, layer, []),
    ...movement,
    lane: 'communication',
  });
  const forwardSteps = [
    ...run('moe', 'forward', attention),
    routeStep(layer, v.scores, v.routing),
    ...run('gate', 'forward', gate),
  ];
  const inputSteps = [...run('gate', 'backwardInput', gate), ...run('moe', 'backwardInput', attention)];
  const weightSteps = run('moe', 'backwardWeight', attention);
  return {
    forward: [
      segment('attention', 'forward', layer, forwardSteps),
      communicate('dispatch', 'forward', dispatcher.dispatch(v)),
      experts('forward'),
      communicate('combine', 'forward', dispatcher.combine(v)),
    ],
    backward: [
      communicate('combine', 'backwardInput', dispatcher.combineBackward(v)),
      experts('backwardInput'),
      experts('backwardWeight'),
      communicate('dispatch', 'backwardInput', dispatcher.dispatchBackward(v)),
      segment('attention', 'backwardInput', layer, inputSteps),
      segment('attention', 'backwardWeight', layer, weightSteps),
    ],
  };
}

type MoeValues = ReturnType<typeof moeValues>;

function moeWirings(layer: number, v: MoeValues): { attention: Wiring; gate: Wiring } {
  const { choiceToScore, rowToChoice, choiceToRow, loadFractions } = v.routing;
  const attentionPorts = { x: value(v.x), base: value(v.base), hidden: value(v.hidden), scores: value(v.scores) };
  // base is a summand of the layer's output, so it shares its gradient.
  const attention = layerWiring(layer, 'moe', attentionPorts, { base: value(gradientOf(v.y)) });
  const gatePorts = {
    scores: value(v.scores),
    choiceToScore,
    rowToChoice,
    choiceToRow,
    loadFractions,
    rowWeights: value(v.tokenWeights),
    balanceLoss: value(v.balanceLoss),
  };
  const balanceGradient: Ref = { space: 'buffer', name: 'balanceLossGradient' };
  return { attention, gate: layerWiring(layer, 'gate', gatePorts, { balanceLoss: balanceGradient }) };
}

function routeStep(layer: number, scores: string, writes: RoutingRefs): RouteStep {
  return {
    kind: 'route',
    layer,
    scores: value(scores),
    bias: { space: 'buffer', name: selectionBiasName(layer) },
    writes,
  };
}

/** The most rows that the slots of a rank can get from a microbatch of every rank: a token chooses an expert, and with it a slot, at most once. */
function mostRows({ model, batch, dispatcher }: LayerContext): number {
  const tokens = batch.sequences * batch.sequenceLength * dispatcher.ranks;
  return tokens * Math.min(model.numExpertsPerTok, dispatcher.slots);
}

/** Declares what is not an output of a block: index tensors, and rows that the dispatcher moves. */
function declareMoeValues(context: LayerContext, v: MoeValues): void {
  const { model, batch, dispatcher, values } = context;
  const tokens = batch.sequences * batch.sequenceLength;
  const tokenRows = tokens * model.numExpertsPerTok;
  const rows = mostRows(context);
  const { ranks, slots } = dispatcher;
  const index = (ref: Ref, ...shape: number[]) => values.set(ref.name, { type: 'int32', shape });
  const { routing } = v;
  index(routing.choiceToScore, tokenRows);
  index(routing.rowToChoice, tokenRows);
  index(routing.rowToToken, tokenRows);
  index(routing.choiceToRow, tokens, model.numExpertsPerTok);
  index(routing.slotOffsets, ranks * slots + 1);
  values.set(routing.loadFractions.name, { type: 'float32', shape: [batch.sequences, model.nRoutedExperts] });
  const float = (name: string, ...shape: number[]) => values.set(name, { type: 'float32', shape });
  for (const name of [v.tokenRows, gradientOf(v.returnedRows)]) float(name, tokenRows, model.hiddenSize);
  for (const name of [v.y, gradientOf(v.hidden)]) float(name, tokens, model.hiddenSize);
  if (ranks === 1) return;
  index(v.counts, ranks, slots);
  index(v.slotOffsets, slots + 1);
  for (const name of [v.rows, gradientOf(v.expertRows)]) float(name, rows, model.hiddenSize);
  for (const name of [v.returnedRows, gradientOf(v.tokenRows)]) float(name, tokenRows, model.hiddenSize);
  float(v.rowWeights, rows, 1);
  float(gradientOf(v.tokenWeights), tokenRows, 1);
}

function expertsStep(context: LayerContext, layer: number, phase: Phase, v: MoeValues): ExpertsStep[] {
  const expert = block(context, 'expert');
  const graph = graphOf(expert.graphs, phase);
  const { slots, index: rank } = context.dispatcher;
  const wiring = (index: number): Wiring => ({
    prefix: `layers.${layer}.experts.`,
    ports: { x: value(v.rows), rowWeights: value(v.rowWeights), y: value(v.expertRows) },
    parameterName: (port) => port.replace(/^expert\./, slotPrefix(layer, rank * slots + index)),
  });
  const isRows = ({ ref }: Binding) => ref.space === 'value';
  const first = wiring(0);
  const inputs = bindPorts(graph.inputs.keys(), expert, first).filter(isRows);
  const outputs = bindPorts(graph.outputs.keys(), expert, first).filter(isRows);
  declareOutputs(graph, outputs, context.values, mostRows(context));
  const parameters = Array.from({ length: slots }, (_, index) =>
    bindPorts([...graph.inputs.keys(), ...graph.outputs.keys()], expert, wiring(index)).filter(
      (binding) => !isRows(binding),
    ),
  );
  const { slotOffsets } = v;
  const kernel = kernelName(expert, phase);
  return [{ kind: 'experts', kernel, slots, slotOffsets, inputs, outputs, parameters }];
}
