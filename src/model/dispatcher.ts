import type { Ref, RoutingRefs, RowExchange, Step } from './program.js';

/**
 * The tensors between which a layer's dispatcher moves rows; values of the chunk by name, gradients at `grad:<name>`.
 * Where the experts lie on the rank of the tokens, both sides are the same tensors.
 */
interface DispatchTensors {
  /** `[tokens, hidden]`: what the router's tokens bring. */
  readonly hidden: string;
  /** `[token rows, hidden]` and `[token rows, 1]`: the tokens sorted by slot, and the router's weights. */
  readonly tokenRows: string;
  readonly tokenWeights: string;
  /** `[expert rows, hidden]` and `[expert rows, 1]`: the same where the experts are. */
  readonly rows: string;
  readonly rowWeights: string;
  /** `[expert rows, hidden]`: the experts' weighted results. */
  readonly expertRows: string;
  /** `[token rows, hidden]`: the same where the tokens are. */
  readonly returnedRows: string;
  /** `[tokens, hidden]`: what the experts' results are added to. */
  readonly base: string;
  /** `[tokens, hidden]`: the layer's output. */
  readonly y: string;
  readonly routing: RoutingRefs;
  /** int32 `[ranks, slots of a rank]` and `[slots of a rank + 1]`: rows that came, by rank and slot, and where each slot's begin. */
  readonly counts: Ref;
  readonly slotOffsets: Ref;
}

/** Steps before rows travel, the journey, and steps after it. */
export interface Movement {
  readonly steps: readonly Step[];
  readonly exchange?: RowExchange;
  readonly after?: readonly Step[];
}

/**
 * Brings tokens to their experts and back. Dispatch and combine are linear, and each is the other's gradient: `dispatch` copies hidden to rows,
 * `combine` adds rows onto the base, `combineBackward` copies the gradient of y to the rows, `dispatchBackward` sums the rows' gradient.
 */
export interface Dispatcher {
  /** Ranks that share the experts, and which of them this one is. */
  readonly ranks: number;
  readonly index: number;
  /** Slots of each rank, of every layer: this one holds those from index x slots to (index + 1) x slots. */
  readonly slots: number;
  dispatch(tensors: DispatchTensors): Movement;
  combine(tensors: DispatchTensors): Movement;
  combineBackward(tensors: DispatchTensors): Movement;
  dispatchBackward(tensors: DispatchTensors): Movement;
}

const value = (name: string): Ref => ({ space: 'value', name });
const gradient = (name: string): Ref => ({ space: 'value', name: `grad:${name}` });

/** Runs one of the kernels of `dispatchGraphs`. */
function run(kernel: string, { routing }: DispatchTensors, inputs: Record<string, Ref>, y: Ref): readonly Step[] {
  const ports = { ...inputs, rowToToken: routing.rowToToken, tokenToRows: routing.choiceToRow };
  const bindings = Object.entries(ports).map(([port, ref]) => ({ port, ref }));
  return [{ kind: 'run', kernel: `dispatch.${kernel}`, inputs: bindings, outputs: [{ port: 'y', ref: y }] }];
}

const expand = (t: DispatchTensors) => run('expand', t, { x: value(t.hidden) }, value(t.tokenRows));
const combine = (t: DispatchTensors) =>
  run('combine', t, { x: value(t.base), rows: value(t.returnedRows) }, value(t.y));
const expandGradient = (t: DispatchTensors) => run('expand', t, { x: gradient(t.y) }, gradient(t.returnedRows));
const collectGradient = (t: DispatchTensors) => run('collect', t, { rows: gradient(t.tokenRows) }, gradient(t.hidden));

/** All slots lie on this rank: nothing travels. */
export function createLocalDispatcher(slots: number): Dispatcher {
  return {
    ranks: 1,
    index: 0,
    slots,
    dispatch: (t) => ({ steps: expand(t) }),
    combine: (t) => ({ steps: combine(t) }),
    combineBackward: (t) => ({ steps: expandGradient(t) }),
    dispatchBackward: (t) => ({ steps: collectGradient(t) }),
  };
}

/** The experts are shared by `ranks` ranks of `slots` slots each, of which this is number `index`; each has its own tokens. */
export function createExchangeDispatcher({
  ranks,
  index,
  slots,
}: Pick<Dispatcher, 'ranks' | 'index' | 'slots'>): Dispatcher {
  const exchange = (
    { routing, counts, slotOffsets }: DispatchTensors,
    direction: RowExchange['direction'],
    tensors: readonly (readonly [tokenSide: Ref, expertSide: Ref])[],
    exchangesCounts = false,
  ): RowExchange => ({
    direction,
    exchangesCounts,
    tokenOffsets: routing.slotOffsets,
    counts,
    slotOffsets,
    tensors: tensors.map(([tokenSide, expertSide]) => ({ tokenSide, expertSide })),
  });
  return {
    ranks,
    index,
    slots,
    dispatch: (t) => {
      const rows = [value(t.tokenRows), value(t.rows)] as const;
      const weights = [value(t.tokenWeights), value(t.rowWeights)] as const;
      return { steps: expand(t), exchange: exchange(t, 'toExperts', [rows, weights], true) };
    },
    combine: (t) => ({
      steps: [],
      exchange: exchange(t, 'toTokens', [[value(t.returnedRows), value(t.expertRows)]]),
      after: combine(t),
    }),
    combineBackward: (t) => ({
      steps: expandGradient(t),
      exchange: exchange(t, 'toExperts', [[gradient(t.returnedRows), gradient(t.expertRows)]]),
    }),
    dispatchBackward: (t) => {
      const rows = [gradient(t.tokenRows), gradient(t.rows)] as const;
      const weights = [gradient(t.tokenWeights), gradient(t.rowWeights)] as const;
      return { steps: [], exchange: exchange(t, 'toTokens', [rows, weights]), after: collectGradient(t) };
    },
  };
}
