export { type ChunkTimes, type ChunkTimesRequest, type TimedSegment, timeSegments } from './chunk-times.js';
export {
  type ChunkTrace,
  compareOrder,
  type DurationKind,
  type OrderDifference,
  type StreamWork,
  type TraceOperation,
  type TraceSegment,
  traceChunks,
  traceSegments,
} from './chunk-trace.js';
export { type Costs, longestTime, type StageTime, unitCosts } from './costs.js';
export type { MeasuredMessage, MeasuredRank, MeasuredSegment, MeasuredStep } from './measured-step.js';
export { type RecordStepsRequest, recordSteps } from './record-steps.js';
export { type SegmentSimulation, type SegmentSimulationRequest, simulateSegments } from './segments.js';
export { type RankSteps, type Simulation, simulate } from './simulate.js';
export { composeTimes, type StageSegment, type StageTimes, type StepTimes } from './stage-times.js';
export type { MessageTime, PartTimes, SegmentTime, StepRecord } from './step-record.js';
export type { Track } from './timed.js';
export { simulatedTimeline } from './timeline.js';
