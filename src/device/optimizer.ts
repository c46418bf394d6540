import { readFileSync } from 'node:fs';

/** Numbers of one AdamW step, as torch.optim.AdamW names them. */
export interface AdamwStep {
  readonly learningRate: number;
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Steps done including this one, from 1. */
  readonly step: number;
  /** Multiplies every gradient: clipping, or the mean over tokens. */
  readonly gradientScale: number;
}

/** Byte offsets, in the kernels' memory, of four float32 arrays of one length. */
export interface AdamwState {
  readonly parameters: number;
  readonly gradients: number;
  readonly firstMoments: number;
  readonly secondMoments: number;
  /** Numbers, not bytes. */
  readonly count: number;
}

/** WebAssembly kernels over one memory. */
export interface OptimizerKernels {
  /** One AdamW step (arXiv:1711.05101, decoupled weight decay), in place; zeroes the gradients in the same pass. */
  adamw(state: AdamwState, step: AdamwStep): void;
  /** Sum of the squares of `count` float32 numbers, in float64 and a fixed order; not finite if a number is not. */
  sumOfSquares(byteOffset: number, count: number): number;
}

/** The exports of `wasm/optimizer.ts`. */
interface OptimizerExports {
  adamw(
    parameters: number,
    gradients: number,
    firstMoments: number,
    secondMoments: number,
    count: number,
    learningRate: number,
    beta1: number,
    beta2: number,
    epsilon: number,
    weightDecay: number,
    biasCorrection1: number,
    biasCorrection2: number,
    gradientScale: number,
  ): void;
  sumOfSquares(values: number, count: number): number;
}

let compiled: WebAssembly.Module | undefined;

/** Makes the kernels for a memory (`Arena.memory`), which they neither grow nor write to by themselves. Each thread makes its own. */
export function createOptimizerKernels(memory: WebAssembly.Memory): OptimizerKernels {
  compiled ??= new WebAssembly.Module(readFileSync(new URL('./wasm/optimizer.wasm', import.meta.url)));
  const wasm = new WebAssembly.Instance(compiled, { env: { memory } }).exports as OptimizerExports;
  return {
    adamw(state, step) {
      wasm.adamw(
        state.parameters,
        state.gradients,
        state.firstMoments,
        state.secondMoments,
        state.count,
        step.learningRate,
        step.beta1,
        step.beta2,
        step.epsilon,
        step.weightDecay,
        1 - step.beta1 ** step.step,
        1 - step.beta2 ** step.step,
        step.gradientScale,
      );
    },
    sumOfSquares: (byteOffset, count) => wasm.sumOfSquares(byteOffset, count),
  };
}
