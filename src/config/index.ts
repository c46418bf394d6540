export { type ClusterConfig, parseCalibration, parseCluster } from './cluster.js';
export type {
  CalibrationRun,
  GpuConfig,
  LinksConfig,
  NodesConfig,
  ProfileConfig,
  WorkConfig,
} from './cluster-fields.js';
export { defaultTrainingConfig } from './defaults.js';
export { type ModelFlops, modelFlops } from './flops.js';
export { formatHuggingFaceConfig, parseHuggingFaceConfig } from './hugging-face.js';
export { flattenTrainingConfig, formatTrainingConfig, listTrainingKeys, type TrainingKey } from './listing.js';
export type { ModelConfig } from './model-config.js';
export type { FlagValue } from './overrides.js';
export { type PlanningModel, parsePlanningModel } from './planning-model.js';
export { parseQuantization, type Quantization } from './quantization.js';
export { findScheduleName, readScheduleName, type ScheduleName, scheduleNames } from './schedule-names.js';
export {
  parseTrainingConfig,
  type TracedConfig,
  type TrainingConfigSource,
  traceTrainingConfig,
} from './training-config.js';
export {
  type BalanceConfig,
  type DataConfig,
  type OptimizerConfig,
  type ParallelConfig,
  type ScheduleConfig,
  sequencesPerStep,
  type TrainConfig,
  type TrainingConfig,
  withSchedule,
} from './training-fields.js';
export { placeError, type ValueSource, type ValueSources } from './value-sources.js';
