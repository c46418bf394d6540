/** A dimension: a count, or the name of one that is known only when the graph runs (`rows`). */
export type Dim = number | string;

export type Shape = readonly Dim[];

export type ElementType = 'float32' | 'int32';

/** Parameters of an op that has none. */
export type NoParameters = Readonly<Record<never, never>>;

/**
 * Every op with its parameters. The tables of rules (shape, gradient, interpreter, ONNX) are keyed by this type, so a new op
 * does not compile until each of them knows it.
 */
export interface OpParameters {
  /** A tensor that is fed when the graph runs. */
  readonly input: { readonly name: string };
  /** Numbers known when the graph is built; the node says shape and type. */
  readonly constant: { readonly data: Float32Array | Int32Array };

  // Elementwise; two operands broadcast as in NumPy.
  readonly add: NoParameters;
  readonly subtract: NoParameters;
  readonly multiply: NoParameters;
  readonly divide: NoParameters;
  readonly exp: NoParameters;
  readonly log: NoParameters;
  readonly sigmoid: NoParameters;
  /** x * sigmoid(x). */
  readonly silu: NoParameters;
  /** 1 / sqrt(x). */
  readonly reciprocalSquareRoot: NoParameters;

  /** scale * a b, `[..., m, k] [..., k, n]` after the transpositions of the last two dims; leading dims are equal. */
  readonly matmul: { readonly transposeA: boolean; readonly transposeB: boolean; readonly scale: number };
  /** Over the last axis. */
  readonly softmax: NoParameters;
  /** x / sqrt(mean(x^2) + epsilon) over the last axis, without a weight. */
  readonly rmsNormalize: { readonly epsilon: number };
  readonly sum: { readonly axes: readonly number[]; readonly keepDims: boolean };
  /** Largest of the last axis, which stays as 1. Gradients do not pass. */
  readonly max: NoParameters;

  readonly reshape: { readonly shape: Shape };
  readonly transpose: { readonly permutation: readonly number[] };
  readonly slice: { readonly axis: number; readonly start: number; readonly end: number };
  readonly concat: { readonly axis: number };
  /** Zeros before and after along an axis: the gradient of `slice`. */
  readonly pad: { readonly axis: number; readonly before: number; readonly after: number };
  /** Repeats dims of 1 (and missing leading dims) to `shape`. */
  readonly broadcast: { readonly shape: Shape };

  /**
   * Rotary position embedding of x `[batch, heads, tokens, dim]` by cos and sin `[tokens, dim / 2]`; `interleaved` pairs neighbours
   * (2i, 2i+1), otherwise (i, i + dim/2). `inverse` turns back: the gradient.
   */
  readonly rotate: { readonly interleaved: boolean; readonly inverse: boolean };

  /** table `[rows, ...]`, indices int32 `[...n]` -> `[...n, ...]`. */
  readonly gatherRows: NoParameters;
  /** updates `[...n, ...]`, indices int32 `[...n]` -> `[rows, ...]`: the gradient of `gatherRows`. */
  readonly scatterAddRows: { readonly rows: Dim };
  /**
   * x `[tokens, dim]`, rowToToken int32 `[rows]`, tokenToRows int32 `[tokens, k]` -> `[rows, dim]`: row r is token rowToToken[r].
   * Each token has k rows, and tokenToRows lists them: the two index tensors say the same thing, so that neither way needs a scatter.
   */
  readonly expandRows: NoParameters;
  /** y `[rows, dim]`, rowToToken, tokenToRows -> `[tokens, dim]`: a token gets the sum of its rows. The gradient of `expandRows`, and vice versa. */
  readonly sumRows: NoParameters;
  /** indices int32 `[...n]` -> float32 `[...n, depth]`. */
  readonly oneHot: { readonly depth: number };
}

export type Op = keyof OpParameters;

/** One operation of a graph; `inputs` are the ids of earlier nodes, and a node's id is its position in the graph. */
export type Node = {
  [K in Op]: {
    readonly id: number;
    readonly op: K;
    readonly inputs: readonly number[];
    readonly parameters: OpParameters[K];
    readonly shape: Shape;
    readonly type: ElementType;
  };
}[Op];

/** Plain data: nodes in an order in which they can run, and the names under which some are given out. */
export interface Graph {
  readonly nodes: readonly Node[];
  /** Name -> id of the `input` node. */
  readonly inputs: ReadonlyMap<string, number>;
  /** Name -> id of the node whose value it is. */
  readonly outputs: ReadonlyMap<string, number>;
}
