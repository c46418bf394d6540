import type { ElementType, Graph } from '../graph/index.js';

/** Where a tensor's numbers lie. */
export interface TensorMemory {
  readonly buffer: SharedArrayBuffer;
  readonly byteOffset: number;
}

declare const handle: unique symbol;
/** A tensor over shared memory that the engine knows; the numbers stay where they are. */
export interface TensorHandle {
  readonly [handle]: true;
}

declare const kernel: unique symbol;
/** A compiled graph. */
export interface Kernel {
  readonly [kernel]: true;
}

/** A kernel with tensors bound to its ports (the graph's input and output names). Outputs that are not bound are not computed into memory. */
export interface Call {
  /** Binds another tensor to a port that was bound when the call was made. */
  bind(port: string, tensor: TensorHandle): void;
  /** Runs on the calling thread and returns when the outputs are written. Throws `WorkError` with the engine's message. */
  run(): void;
}

/**
 * Runs graphs. One engine belongs to one thread; tensors may lie in memory that other threads see, and what they write before `run` is seen.
 * An output may share memory with an input of the same shape that is only added to or scaled elementwise (`sum:w` and `grad:w`), never with an
 * operand of a matrix product.
 */
export interface Engine {
  /** Throws `WorkError` if the engine refuses the graph. */
  compile(graph: Graph): Kernel;
  /** Throws `InputError` if the tensor would reach beyond its buffer. */
  tensor(memory: TensorMemory, shape: readonly number[], type: ElementType): TensorHandle;
  /** The handle, not the memory. */
  releaseTensor(tensor: TensorHandle): void;
  /** `tensors`: every input's and at least one output's, by name. Throws `InputError` if one is missing or unknown. */
  call(kernel: Kernel, tensors: Readonly<Record<string, TensorHandle>>): Call;
  /** Frees all kernels and tensors. */
  close(): void;
}
