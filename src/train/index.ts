export type { BalanceSummary } from './balance-summary.js';
export {
  createMatmulBenchmark,
  createTrainingBenchmark,
  measureSpread,
  type Spread,
  stepWork,
  type TrainingBenchmark,
} from './benchmark.js';
export { benchmarkInProcess } from './benchmark-process.js';
export { evaluateRows, type NamedArray, type TokenRows } from './evaluate.js';
export { describeStart, generateText } from './generate.js';
export { contextLength, findCheckpoint, openFolderTokenizer, readModelConfig } from './open-folder.js';
export { type PredictionRequest, predictRun, type StepPrediction } from './predict.js';
export { type RaceProgress, rankTrials, type Trial } from './race.js';
export { type RunPlace, type TrainingEvent, type TrainingResult, trainModel } from './run.js';
export {
  type LoadFileEntry,
  lastCheckpoint,
  listCheckpoints,
  listLoadFiles,
  listTimelines,
  type MetricsCursor,
  type MetricsPart,
  readMetrics,
  timelinePath,
} from './run-folder.js';
export { runPaths } from './run-paths.js';
export { type RunSummary, summarizeCoreless, summarizeRun, type WrittenSummary, writeSummary } from './summary.js';
export { type TuneOptions, type TuneResult, tuneConfig } from './tune.js';
