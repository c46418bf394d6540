import type { ModelConfig } from '../../config/index.js';
import type { Dispatcher } from '../dispatcher.js';
import type { Kernels, StageProgram } from '../program.js';
import { type BlockOptions, buildBlocks, dispatchGraphs } from './blocks.js';
import type { LayerRange } from './layers.js';
import type { BatchShape } from './shapes.js';
import { buildStage } from './stage.js';
import { graphOf, kernelName } from './wiring.js';

export { type LayerRange, splitLayers } from './layers.js';
export {
  edgeParameters,
  isMoeLayer,
  layerParameters,
  nameInCheckpoint,
  parameterNames,
  selectionBiasName,
} from './parameters.js';
export type { BatchShape } from './shapes.js';

export interface ModelOptions extends BlockOptions {
  readonly model: ModelConfig;
  readonly batch: BatchShape;
  readonly dispatcher: Dispatcher;
  /** The stages to build, by index, with their layers. */
  readonly stages: ReadonlyMap<number, LayerRange>;
}

export interface BuiltModel {
  readonly kernels: Kernels;
  readonly stages: ReadonlyMap<number, StageProgram>;
}

const PHASES = ['forward', 'backwardInput', 'backwardWeight'] as const;

/** DeepSeek-V3's architecture as stage programs and the kernels they run; see `BatchShape` for the dims. */
export function buildModel(options: ModelOptions): BuiltModel {
  const { model, batch, dispatcher } = options;
  const blocks = buildBlocks(model, batch, options);
  const kernels = new Map(dispatchGraphs(model, batch));
  for (const block of blocks.values()) {
    for (const phase of PHASES) {
      const graph = graphOf(block.graphs, phase);
      if (graph.outputs.size > 0) kernels.set(kernelName(block, phase), graph);
    }
  }
  const stages = new Map<number, StageProgram>();
  for (const [stage, layers] of options.stages)
    stages.set(stage, buildStage({ model, batch, blocks, dispatcher, stage, layers }));
  return { kernels, stages };
}
