export { createGraphBuilder, type GraphBuilder, type MatmulOptions, type Operand } from './builder.js';
export { type DifferentiateOptions, differentiate } from './differentiate.js';
export type { Dim, ElementType, Graph, Node, NoParameters, Op, OpParameters, Shape } from './op.js';
export { cutForTraining, type SavedTensor, type TrainingGraphs, type TrainingRoles } from './partition.js';
export { printGraph } from './print.js';
export { interpret } from './reference.js';
export type { ReferenceTensor } from './reference-kernels.js';
export { type ComputedOp, inferType } from './shape-rules.js';
export { describeTensorType, type Tensor, type TensorType } from './tensor-type.js';
