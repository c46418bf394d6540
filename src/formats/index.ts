export { openCheckpoint } from './checkpoint.js';
export { readCosts } from './costs.js';
export { type LoadsOptions, readExpertLoads } from './expert-loads/read-expert-loads.js';
export type { RecordedLoads } from './expert-loads/recorded-loads.js';
export { readJson } from './json.js';
export { parseJson } from './parse-json.js';
export { formatPlacement } from './placements/format.js';
export { placementDocument } from './placements/own-json.js';
export { readPlacement } from './placements/read.js';
export {
  type FormattedPlacement,
  type PlacementFile,
  type PlacementFormat,
  placementFormats,
  type RecordedPlacement,
} from './placements/types.js';
export { readProfilerTrace } from './profiler-trace.js';
export { decodeUtf8, readFileBytes, readFilePart, readFileText } from './read-file.js';
export {
  readIntegerTensor,
  readSafetensors,
  readTensor,
  type TensorData,
  type TensorEntry,
  type TensorIndex,
  writeSafetensors,
} from './safetensors.js';
export type { Dtype } from './safetensors-header.js';
export { readStepRecord, writeStepRecord } from './step-record.js';
export { formatTimeline, parseTimeline, type StepTimeline } from './timeline.js';
export { parseToml, readToml } from './toml.js';
export { readTrainingConfig, writeTrainingConfig } from './training-config.js';
export { replaceFile, writeFileWhole, writeFolderWhole } from './write-whole.js';
