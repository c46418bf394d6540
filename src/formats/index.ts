export { makeFolder, removePath, renamePath } from './change-files.js';
export { openCheckpoint } from './checkpoint.js';
export { readCosts } from './costs.js';
export { readExpertLoads } from './expert-loads/read-expert-loads.js';
export type { LoadsOptions } from './expert-loads/read-from.js';
export type { RecordedLoads } from './expert-loads/recorded-loads.js';
export { fitPlacement } from './fit-placement.js';
export { parseJson } from './json.js';
export { asTable } from './json-fields.js';
export { type LoadsInput, prepareLoads } from './loads-input.js';
export {
  type DecisionMetrics,
  type MigrationMetrics,
  parseMetrics,
  readMetricsLine,
  type StepMetrics,
} from './metrics.js';
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
export { readProgramVersion } from './program-version.js';
export { type FileStream, fileError, readFileBytes, readFilePart, requireStored, streamFile } from './read-file.js';
export { readFileText, readJson, readToml } from './read-text.js';
export { readSafetensors, type TensorData, writeSafetensors } from './safetensors.js';
export type { Dtype } from './safetensors-header.js';
export { decodeByteFloats } from './safetensors-numbers.js';
export { readIntegerTensor, readTensor, type TensorEntry, type TensorIndex } from './safetensors-read.js';
export { isScaled, readMatrixRows, type ScaleBlock } from './scaled-tensor.js';
export { formatSolution, formatSolutionJson, placedDocument } from './solution-file.js';
export { paceOf } from './step-pace.js';
export { formatStepRecord } from './step-record.js';
export { readStepRecord, writeStepRecord } from './step-record-file.js';
export { formatTensorBoard } from './tensorboard.js';
export { formatTimeline, parseTimeline, type StepTimeline } from './timeline.js';
export { parseToml } from './toml.js';
export { readTracedConfig, readTrainingConfig, writeTrainingConfig } from './training-config.js';
export { decodeUtf8 } from './utf8.js';
export { isLeftover, nameBeside, replaceFile, writeFileWhole, writeFolderWhole } from './write-whole.js';
