import type { ModelConfig } from '../../config/index.js';
import type { Dispatcher } from '../dispatcher.js';
import type { ParameterSpec, StageProgram } from '../program.js';
import type { Block, BlockName } from './blocks.js';
import { type LayerContext, layerInput, layerWiring, moePart, type PartSegments, simplePart } from './layer.js';
import { headParameterName, isMoeLayer, layerParameters, selectionBiasName, stageEdges } from './parameters.js';
import type { BatchShape } from './shapes.js';
import { gradientOf, type Values, value, type Wiring } from './wiring.js';

export interface StageOptions {
  readonly model: ModelConfig;
  readonly batch: BatchShape;
  readonly blocks: ReadonlyMap<BlockName, Block>;
  readonly dispatcher: Dispatcher;
  readonly stage: number;
  /** First layer, and the one after the last. The stage with layer 0 has the embedding, the stage with the last layer the head. */
  readonly layers: { readonly first: number; readonly end: number };
}

/** The segments, values and parameters of one stage. */
export function buildStage({ model, batch, blocks, dispatcher, stage, layers }: StageOptions): StageProgram {
  const values: Values = new Map();
  const context: LayerContext = { model, batch, blocks, dispatcher, values };
  const isFirst = layers.first === 0;
  const isLast = layers.end === model.numHiddenLayers;
  declareEdges(context, layers, isFirst, isLast);
  const parts: PartSegments[] = [];
  if (isFirst) parts.push(embedPart(context));
  for (let layer = layers.first; layer < layers.end; layer++) parts.push(layerPart(context, layer));
  if (isLast) parts.push(headPart(context));
  const moeLayers = layerNumbers(layers).filter((layer) => isMoeLayer(model, layer));
  return {
    stage,
    layers,
    moeLayers,
    parameters: stageParameters(context, layers, isFirst, isLast),
    buffers: stageBuffers(model, moeLayers),
    values,
    forward: parts.flatMap((part) => part.forward),
    backward: parts.toReversed().flatMap((part) => part.backward),
    ...(!isFirst && { input: { value: layerInput(layers.first), gradient: gradientOf(layerInput(layers.first)) } }),
    ...(!isLast && { output: { value: layerInput(layers.end), gradient: gradientOf(layerInput(layers.end)) } }),
    scalars: stageScalars(values, moeLayers, isLast),
  };
}

function layerNumbers({ first, end }: { first: number; end: number }): number[] {
  return Array.from({ length: end - first }, (_, index) => first + index);
}

/** Activations that cross the stage's borders, and their gradients. */
function declareEdges(
  { model, batch, values }: LayerContext,
  layers: StageOptions['layers'],
  isFirst: boolean,
  isLast: boolean,
): void {
  const shape = [batch.sequences * batch.sequenceLength, model.hiddenSize];
  const names = [...(isFirst ? [] : [layerInput(layers.first)]), ...(isLast ? [] : [layerInput(layers.end)])];
  for (const name of names) {
    values.set(name, { shape, type: 'float32' });
    values.set(gradientOf(name), { shape, type: 'float32' });
  }
}

const edgeName = (port: string): string => port;

function embedPart(context: LayerContext): PartSegments {
  const ports = { tokens: { space: 'batch', name: 'tokens' } as const, y: value(layerInput(0)) };
  const wiring: Wiring = { prefix: 'embed.', ports, parameterName: edgeName };
  return simplePart(context, 'embed', 0, wiring);
}

function layerPart(context: LayerContext, layer: number): PartSegments {
  if (isMoeLayer(context.model, layer)) return moePart(context, layer);
  const ports = { x: value(layerInput(layer)), y: value(layerInput(layer + 1)) };
  return simplePart(context, 'dense', layer, layerWiring(layer, 'dense', ports));
}

function headPart(context: LayerContext): PartSegments {
  const layer = context.model.numHiddenLayers;
  const ports = {
    x: value(layerInput(layer)),
    targets: { space: 'batch', name: 'targets' } as const,
    tokenWeights: { space: 'batch', name: 'tokenWeights' } as const,
    logits: value('logits'),
    loss: value('loss'),
  };
  const gradients = { loss: { space: 'buffer', name: 'lossGradient' } as const };
  const head = headParameterName(context.model);
  const parameterName = (port: string) => (port === 'lm_head.weight' ? head : port);
  return simplePart(context, 'head', layer, { prefix: 'head.', ports, gradients, parameterName });
}

/** Of the slots those that the rank holds, and all else. */
function stageParameters(
  { model, dispatcher: { index, slots } }: LayerContext,
  layers: StageOptions['layers'],
  isFirst: boolean,
  isLast: boolean,
): ParameterSpec[] {
  const edges = stageEdges(model, { isFirst, isLast });
  const held = { first: index * slots, end: (index + 1) * slots };
  const inner = layerNumbers(layers).flatMap((layer) => layerParameters(model, layer, held));
  return [...edges.first, ...inner, ...edges.last];
}

function stageBuffers(model: ModelConfig, moeLayers: readonly number[]): ParameterSpec[] {
  const biases = moeLayers.map((layer) => ({
    name: selectionBiasName(layer),
    shape: [model.nRoutedExperts],
    initializer: 'zeros' as const,
  }));
  const scalars = [
    { name: 'lossGradient', shape: [], initializer: 'ones' as const },
    { name: 'balanceLossGradient', shape: [], initializer: 'zeros' as const },
  ];
  return [...biases, ...scalars];
}

function stageScalars(values: Values, moeLayers: readonly number[], isLast: boolean): StageProgram['scalars'] {
  const balance = moeLayers
    .map((layer) => ({ value: `layers.${layer}.balanceLoss`, meaning: 'balanceLoss' as const, layer }))
    .filter((scalar) => values.has(scalar.value));
  return [...balance, ...(isLast ? [{ value: 'loss', meaning: 'loss' as const, layer: -1 }] : [])];
}
