export {
  type BatchShape,
  type BuiltModel,
  buildModel,
  edgeParameters,
  isMoeLayer,
  type LayerRange,
  layerParameters,
  nameInCheckpoint,
  parameterNames,
  selectionBiasName,
  splitLayers,
} from './deepseek-v3/index.js';
export { createExchangeDispatcher, createLocalDispatcher } from './dispatcher.js';
export type {
  Binding,
  ExpertsStep,
  Kernels,
  ParameterSpec,
  Ref,
  RouteStep,
  RoutingRefs,
  RowExchange,
  RunStep,
  Segment,
  StageProgram,
  Step,
  ValueSpec,
} from './program.js';
export { type ReplicaShares, startShares } from './replicas.js';
export { createRouter, type Routing, type RoutingShape } from './routing.js';
