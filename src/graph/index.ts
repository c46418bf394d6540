export type { Dim, ElementType, Graph, Node, NoParameters, Op, OpParameters, Shape } from './op.js';
