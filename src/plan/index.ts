export { type Calibration, noCalibration } from './calibration.js';
export { listCandidates, withOtherAffinity } from './candidates.js';
export { type CalibrationRequest, fitCalibration } from './fit-calibration.js';
export type { Layout, MemoryByPart, Plan, StepBreakdown } from './layout.js';
export { countParameters } from './parameters.js';
export type { CostBasis } from './part-segments.js';
export { deriveEfficiencies, type Efficiencies } from './profile.js';
export {
  defaultSaturationSms,
  type ResourceSplit,
  type SplitPoint,
  type SplitRequest,
  type SplitSegment,
  scaleSegments,
  splitResources,
  timeSplit,
} from './resource-split.js';
export { type PlanRequest, type Rejection, type SearchResult, searchLayouts } from './search.js';
