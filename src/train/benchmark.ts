import { modelFlops, sequencesPerStep, type TrainingConfig } from '../config/index.js';
import { createOnnxEngine, readThreadCpuSeconds } from '../device/index.js';
import { createGraphBuilder } from '../graph/index.js';
import { startRanks } from '../runtime/index.js';
import { fillBatch } from './batch.js';
import { loadCorpus, sampleSequences } from './data/index.js';
import { planRun } from './plan-run.js';

/** Median and extremes of several repeats. */
export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export function measureSpread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  return { median: sorted[sorted.length >> 1], min: sorted[0], max: sorted[sorted.length - 1] };
}

const SIDE = 1024;
const PRODUCTS = 5;
const PEAK_PRODUCTS = 3;
const PRODUCT_GFLOP = (2 * SIDE ** 3) / 1e9;

/** A plain product of two 1024 x 1024 matrices on one thread: gives GFLOP/s, the median of a few. */
export function createMatmulBenchmark(): () => number {
  const multiply = createProduct();
  return () => {
    const rates = Array.from({ length: PRODUCTS }, () => {
      const start = performance.now();
      multiply();
      return (1000 * PRODUCT_GFLOP) / (performance.now() - start);
    });
    return measureSpread(rates).median;
  };
}

/**
 * GFLOP/s of this thread at its best: the fastest of three such products, by the time for which it had a core where the
 * system tells that, so that a busy machine counts as what it could do.
 */
export function measureThreadPeak(): number {
  const multiply = createProduct();
  const rates = Array.from({ length: PEAK_PRODUCTS }, () => {
    const [start, startCpu] = [performance.now() / 1000, readThreadCpuSeconds()];
    multiply();
    const [end, endCpu] = [performance.now() / 1000, readThreadCpuSeconds()];
    const seconds = startCpu === undefined || endCpu === undefined ? end - start : endCpu - startCpu;
    return PRODUCT_GFLOP / seconds;
  });
  return Math.max(...rates);
}

function createProduct(): () => void {
  const engine = createOnnxEngine();
  const b = createGraphBuilder();
  const kernel = engine.compile(b.build({ y: b.matmul(b.input('a', [SIDE, SIDE]), b.input('b', [SIDE, SIDE])) }));
  const tensor = () => {
    const buffer = new SharedArrayBuffer(4 * SIDE * SIDE);
    new Float32Array(buffer).fill(1);
    return engine.tensor({ buffer, byteOffset: 0 }, [SIDE, SIDE], 'float32');
  };
  const call = engine.call(kernel, { a: tensor(), b: tensor(), y: tensor() });
  return () => call.run();
}

/** Ranks that train step after step. */
export interface TrainingBenchmark {
  /** Runs one whole step; gives its seconds. */
  step(): Promise<number>;
  close(): Promise<void>;
}

/** Starts the ranks of a config, with random initial parameters and its own text. */
export async function createTrainingBenchmark(config: TrainingConfig): Promise<TrainingBenchmark> {
  const spec = planRun(config);
  const { training: tokens, kinds } = await loadCorpus(config);
  const group = await startRanks(spec);
  await group.call('initialize', config.train.seed);
  const { sequenceLength, blockSteps } = config.data;
  const count = sequencesPerStep(config);
  let step = 0;
  return {
    async step() {
      step++;
      const start = performance.now();
      const offsets = sampleSequences({ seed: config.train.seed, step, count, sequenceLength, kinds, blockSteps });
      fillBatch(spec, { tokens, offsets, tokenWeight: 1 / (count * sequenceLength) });
      await group.call('computeGradients');
      await group.call('update', step, config.optimizer.learningRate);
      return (performance.now() - start) / 1000;
    },
    close: group.close,
  };
}

/** FLOPs and tokens of one step by the model's formula. */
export function stepWork(config: TrainingConfig): { readonly flops: number; readonly tokens: number } {
  const tokens = sequencesPerStep(config) * config.data.sequenceLength;
  return { tokens, flops: tokens * modelFlops(config.model, config.data.sequenceLength).trainingFlopsPerToken };
}
