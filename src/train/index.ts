export {
  createMatmulBenchmark,
  createTrainingBenchmark,
  measurePeakMemory,
  measureSpread,
  type Spread,
  stepWork,
  type TrainingBenchmark,
} from './benchmark.js';
export { evaluateRows, type NamedArray, type TokenRows } from './evaluate.js';
export { generateText } from './generate.js';
export { contextLength, openFolderTokenizer, readModelConfig } from './inference.js';
export type { StepMetrics } from './metrics.js';
export { type PredictionRequest, predictRun, type StepPrediction } from './predict.js';
export { lastCheckpoint, type TrainingEvent, type TrainingResult, trainModel } from './run.js';
export { type RunSummary, summarizeRun } from './summary.js';
