export { adviseSearch } from './advise.js';
export {
  countParts,
  cutCosts,
  labelSchedule,
  type NamedResult,
  type PlacementName,
  placementNames,
  type ScheduleSearchRequest,
  type ScheduleSearchResult,
  searchSchedule,
} from './auto/index.js';
export { type Calibration, noCalibration } from './calibration.js';
export { listCandidates, withOtherAffinity } from './candidates.js';
export {
  type ComparedRow,
  type ComparedSchedule,
  type CompareRequest,
  type Comparison,
  compareSchedules,
  type RefusedSchedule,
} from './compare.js';
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
export { type LayoutSearchResult, type PlanRequest, type Rejection, searchLayouts } from './search-layouts.js';
