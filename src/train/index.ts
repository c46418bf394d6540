export { loadCheckpoint, loadParameters, saveCheckpoint } from './checkpoint.js';
export { fillMicrobatch, openTokenizer, type Tokenizer } from './data/index.js';
export type { StepMetrics } from './metrics.js';
export { planRun } from './plan-run.js';
export { lastCheckpoint, type TrainingEvent, type TrainingResult, trainModel } from './run.js';
export { type RunSummary, summarizeRun } from './summary.js';
