import type { Ref, RoutingRefs, Step } from './program.js';

/** The tensors between which a layer's dispatcher moves rows; values of the chunk by name, gradients at `grad:<name>`. */
interface DispatchTensors {
  readonly layer: number;
  /** `[tokens, hidden]`: what the router's tokens bring. */
  readonly hidden: string;
  /** `[rows, hidden]`: the tokens sorted by expert. */
  readonly rows: string;
  /** `[rows, hidden]`: the experts' weighted results. */
  readonly expertRows: string;
  /** `[tokens, hidden]`: what the experts' results are added to. */
  readonly base: string;
  /** `[tokens, hidden]`: the layer's output. */
  readonly y: string;
  readonly routing: RoutingRefs;
}

/**
 * Brings tokens to their experts and back. Dispatch and combine are linear, and each is the other's gradient: `dispatch` copies hidden to rows,
 * `combine` adds rows onto the base, `combineBackward` copies the gradient of y to the rows, `dispatchBackward` sums the rows' gradient.
 */
export interface Dispatcher {
  dispatch(tensors: DispatchTensors): readonly Step[];
  combine(tensors: DispatchTensors): readonly Step[];
  combineBackward(tensors: DispatchTensors): readonly Step[];
  dispatchBackward(tensors: DispatchTensors): readonly Step[];
}

const value = (name: string): Ref => ({ space: 'value', name });
const gradient = (name: string): Ref => ({ space: 'value', name: `grad:${name}` });

/** All experts lie on this rank: rows are copied by kernels (`dispatchGraphs`). */
export function createLocalDispatcher(): Dispatcher {
  const run = (kernel: string, { routing }: DispatchTensors, inputs: Record<string, Ref>, y: Ref): readonly Step[] => {
    const ports = { ...inputs, rowToToken: routing.rowToToken, tokenToRows: routing.choiceToRow };
    const bindings = Object.entries(ports).map(([port, ref]) => ({ port, ref }));
    return [{ kind: 'run', kernel: `dispatch.${kernel}`, inputs: bindings, outputs: [{ port: 'y', ref: y }] }];
  };
  return {
    dispatch: (t) => run('expand', t, { x: value(t.hidden) }, value(t.rows)),
    combine: (t) => run('combine', t, { x: value(t.base), rows: value(t.expertRows) }, value(t.y)),
    combineBackward: (t) => run('expand', t, { x: gradient(t.y) }, gradient(t.expertRows)),
    dispatchBackward: (t) => run('collect', t, { rows: gradient(t.rows) }, gradient(t.hidden)),
  };
}
