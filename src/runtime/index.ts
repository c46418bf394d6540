export { type BatchMemory, createBatchMemory } from './bind.js';
export type { CollectedScalar, ExportedValue } from './execute.js';
export type { NonFinite } from './finite.js';
export { type RankGroup, type RankState, startRanks } from './group.js';
export type { StepReport } from './rank.js';
export type { TimeAccount } from './recorder.js';
export { forwardSchedule, type RunSpec } from './spec.js';
export { listMomentPieces, type StateLayout, type StateTensor } from './state-layout.js';
