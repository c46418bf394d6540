/**
 * What of this folder runs in a browser: nothing that is reached from here knows Node.
 * @module
 */
export { type LoadsOptions, readExpertLoadsFrom } from './expert-loads/read-from.js';
export type { RecordedLoads } from './expert-loads/recorded-loads.js';
export type { FileTree } from './file-tree.js';
export { fitPlacement } from './fit-placement.js';
export { parseJson } from './json.js';
export { type LoadsInput, prepareLoads } from './loads-input.js';
export { createMemoryTree, type MemoryFile } from './memory-tree.js';
export { parseMetrics, readMetricsLine, type StepMetrics } from './metrics.js';
export { formatPlacement } from './placements/format.js';
export { readPlacementFrom } from './placements/read-from.js';
export {
  type PlacementFile,
  type PlacementFormat,
  placementFormats,
  type RecordedPlacement,
} from './placements/types.js';
export { parseRunLoads, type RunLoads } from './run-loads.js';
export { formatSolution, formatSolutionJson, type SolutionFile } from './solution-file.js';
export { paceOf } from './step-pace.js';
export { parseStepRecord } from './step-record.js';
export { parseTimeline, type StepTimeline } from './timeline.js';
export { parseToml } from './toml.js';
export { decodeUtf8 } from './utf8.js';
