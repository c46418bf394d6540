import type { ElementType, Graph, Shape } from '../graph/index.js';
import type { SegmentShape } from '../schedule/index.js';

/**
 * A tensor that a step reads or writes.
 * - `value`: one for every chunk (stage x microbatch); lives from its first write to its last read.
 * - `parameter`, `gradient`: of the stage, under the parameter's name in `ParameterSpec`; gradients add up over microbatches.
 * - `buffer`: of the stage, not trained by gradients (the router's selection bias, loss weights).
 * - `batch`: a row of what the step trains on, one for every microbatch.
 */
export interface Ref {
  readonly space: 'value' | 'parameter' | 'gradient' | 'buffer' | 'batch';
  readonly name: string;
}

/** A kernel's port and the tensor bound to it. */
export interface Binding {
  readonly port: string;
  readonly ref: Ref;
}

/** Runs one kernel on whole tensors. */
export interface RunStep {
  readonly kind: 'run';
  readonly kernel: string;
  readonly inputs: readonly Binding[];
  readonly outputs: readonly Binding[];
}

/** Chooses experts from the router's scores, and slots that hold them, and writes the index tensors of the dispatch; see `createRouter`. */
export interface RouteStep {
  readonly kind: 'route';
  readonly layer: number;
  readonly scores: Ref;
  readonly bias: Ref;
  readonly writes: RoutingRefs;
}

/** The tensors that `route` writes; shapes as in `Routing`. */
export interface RoutingRefs {
  readonly choiceToScore: Ref;
  readonly rowToChoice: Ref;
  readonly rowToToken: Ref;
  readonly choiceToRow: Ref;
  readonly slotOffsets: Ref;
  readonly loadFractions: Ref;
}

/** Runs one kernel for every slot of this rank that has rows, on that slot's rows and parameters. */
export interface ExpertsStep {
  readonly kind: 'experts';
  readonly kernel: string;
  readonly slots: number;
  /** int32 `[slots + 1]`: slot s has the rows offsets[s] to offsets[s + 1]. */
  readonly slotOffsets: Ref;
  /** Tensors of `[rows, ...]`, of which each run sees its slot's rows. */
  readonly inputs: readonly Binding[];
  readonly outputs: readonly Binding[];
  /** `parameters[s]`: slot s's own parameters and gradients. */
  readonly parameters: readonly (readonly Binding[])[];
}

export type Step = RunStep | RouteStep | ExpertsStep;

/** Rows that travel between the ranks of their tokens and those of their experts while both compute. Fields as in the transport's row operation. */
export interface RowExchange {
  readonly direction: 'toExperts' | 'toTokens';
  readonly exchangesCounts: boolean;
  readonly tokenOffsets: Ref;
  readonly counts: Ref;
  readonly slotOffsets: Ref;
  readonly tensors: readonly { readonly tokenSide: Ref; readonly expertSide: Ref }[];
}

/** A part of a chunk on one lane: what the schedule merges, the simulator times and the runtime runs. */
export interface Segment extends SegmentShape {
  /** What the rank computes; of a communication segment, what gets the rows ready that then travel. */
  readonly steps: readonly Step[];
  /** Absent where all experts lie on the rank of the tokens. */
  readonly exchange?: RowExchange;
  /** What is computed from the rows that came, just before somebody reads the result. */
  readonly after?: readonly Step[];
}

export interface ValueSpec {
  readonly shape: readonly number[];
  readonly type: ElementType;
}

/** How a parameter starts. */
type Initializer = 'normal' | 'ones' | 'zeros';

export interface ParameterSpec {
  /** Name in Hugging Face's checkpoint; of what lies in a slot, `slots.SLOT` stands for `experts.EXPERT` (see `nameInCheckpoint`). */
  readonly name: string;
  readonly shape: readonly number[];
  readonly initializer: Initializer;
  /** Set for what belongs to the routed expert in a slot, of those that all ranks hold. */
  readonly slot?: { readonly layer: number; readonly index: number };
  /** Set for the one that both the first and the last stage use: their ranks sum its gradients. */
  readonly isTied?: true;
}

/** One stage of the model as segments: plain data that knows nothing of ranks, schedules or memory. */
export interface StageProgram {
  readonly stage: number;
  /** Layers first to last (exclusive) of the model. */
  readonly layers: { readonly first: number; readonly end: number };
  /** Layers with routed experts. */
  readonly moeLayers: readonly number[];
  readonly parameters: readonly ParameterSpec[];
  readonly buffers: readonly ParameterSpec[];
  readonly values: ReadonlyMap<string, ValueSpec>;
  readonly forward: readonly Segment[];
  /** Input and weight gradients, each part's weights right after its inputs; the segments of one phase, in order, are that phase alone. */
  readonly backward: readonly Segment[];
  /** Activation from the stage before, and the gradient it gets back; absent in the first stage. */
  readonly input?: { readonly value: string; readonly gradient: string };
  /** Activation for the stage after, and the gradient that comes back; absent in the last stage. */
  readonly output?: { readonly value: string; readonly gradient: string };
  /** Scalars of each chunk that the run collects: `loss`, and `balanceLoss` of each layer that has one. */
  readonly scalars: readonly {
    readonly value: string;
    readonly meaning: 'loss' | 'balanceLoss';
    readonly layer: number;
  }[];
}

/** Kernels by name; all layers of a kind share theirs. */
export type Kernels = ReadonlyMap<string, Graph>;

/** A shape with the count of `rows` in place of the named dim. */
export function fixedShape(shape: Shape, rows: number): number[] {
  return shape.map((dim) => (dim === 'rows' ? rows : Number(dim)));
}
