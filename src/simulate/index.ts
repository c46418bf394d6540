export { type ChunkTimes, type ChunkTimesRequest, type TimedSegment, timeSegments } from './chunk-times.js';
export {
  type ChunkTrace,
  compareOrder,
  type DurationKind,
  type OrderDifference,
  operationKey,
  type StreamWork,
  type TraceOperation,
  type TraceSegment,
  traceChunks,
  traceSegments,
} from './chunk-trace.js';
export {
  type Costs,
  largestAmount,
  longestTime,
  type MemoryCosts,
  type MessageCosts,
  messageTime,
  type PairTime,
  type StageTime,
  unitCosts,
} from './costs.js';
export type { MeasuredMessage, MeasuredRank, MeasuredSegment, MeasuredStep } from './measured-step.js';
export { type MemoryCurve, type MemoryUse, memoryCurve } from './memory.js';
export { predictStep } from './predict-step.js';
export { type RecordStepsRequest, recordSteps } from './record-steps.js';
export { type ActionCost, type ChunkSegments, chunkCost, pairCost, type SegmentCost } from './segment-costs.js';
export { type SegmentSimulation, type SegmentSimulationRequest, simulateSegments } from './segments.js';
export { type IdleByCause, type Simulation, simulate } from './simulate.js';
export { costsByStage, type StageCosts } from './stage-costs.js';
export { composeTimes, type StageSegment, type StageTimes, type StepTimes } from './stage-times.js';
export type { MessageTime, PartTimes, SegmentTime, StepRecord } from './step-record.js';
export type { RankSteps } from './timed.js';
export { simulatedLanes, simulatedTimeline } from './timeline.js';
