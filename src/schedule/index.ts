export {
  type Action,
  type ActionKind,
  type BackwardAction,
  type BackwardInputAction,
  type BackwardWeightAction,
  type ChunkAction,
  type ChunkKind,
  chunkActions,
  type ForwardAction,
  formatAction,
  type OverlapAction,
  parseAction,
} from './action.js';
export { checkSchedule, describeWait, type ScheduleIssue } from './check.js';
export { type CsvSource, formatCsv, mostCsvCharacters, parseCsv } from './csv.js';
export { type FlatSchedule, flattenSchedule, kindCodes } from './flat.js';
export {
  generateSchedule,
  isWithinLimits,
  type ScheduleName,
  type ScheduleRequest,
  scheduleNames,
} from './generators/generate.js';
export { type Execution, executeUntimed } from './order.js';
export { microbatchesPerPipeline, type Schedule } from './schedule.js';
export { issueEarly, type Lane, mergeSegments, type Segment, type SegmentName, type SegmentShape } from './segments.js';
export { type EventKind, formatTrace, type Timeline, type TimelineEvent } from './timeline.js';
