export { createGraphBuilder, type GraphBuilder, type MatmulOptions, type Operand } from './builder.js';
export type { Dim, ElementType, Graph, Node, NoParameters, Op, OpParameters, Shape } from './op.js';
export { type ComputedOp, inferType } from './shape-rules.js';
export { describeTensorType, type Tensor, type TensorType } from './tensor-type.js';
