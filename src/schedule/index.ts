export { findScheduleName, readScheduleName, type ScheduleName, scheduleNames } from '../config/index.js';
export {
  type Action,
  type ActionKind,
  type BackwardAction,
  type BackwardInputAction,
  type BackwardWeightAction,
  type ChunkAction,
  type ChunkKind,
  type CommunicationAction,
  type CommunicationKind,
  chunkActions,
  type ForwardAction,
  formatAction,
  isCommunication,
  type LoweredAction,
  type MessageAction,
  type OverlapAction,
  parseAction,
  parseLoweredAction,
  type StageAction,
} from './action.js';
export { type CheckLimits, checkSchedule, describeWait } from './check.js';
export { checkLowered } from './check-lowered.js';
export {
  type CsvContent,
  type CsvSource,
  formatCsv,
  formatLoweredCsv,
  mostCsvCharacters,
  parseCsv,
  readCsv,
} from './csv.js';
export { describeSchedule } from './describe.js';
export { actionAt, type FlatSchedule, flattenSchedule, kindCodes } from './flat.js';
export { generateSchedule, isWithinLimits, type ScheduleRequest } from './generators/generate.js';
export { requireCount } from './generators/limits.js';
export { countIssues, type IssueCode, type ScheduleIssue } from './issues.js';
export { type LoweredList, type LoweredSchedule, loweredActions } from './lowered.js';
export { type Execution, executeUntimed } from './order.js';
export { lowerSchedule, type TorchRelease, torchReleases } from './passes/lower.js';
export { microbatchesPerPipeline, mostChunks, mostRanks, type Schedule } from './schedule.js';
export {
  issueEarly,
  type Lane,
  lanes,
  mergeSegments,
  type Segment,
  type SegmentName,
  type SegmentShape,
} from './segments.js';
export {
  type EventKind,
  eventKinds,
  formatTrace,
  type LaneColumns,
  type Timeline,
  type TimelineEvent,
} from './timeline.js';
