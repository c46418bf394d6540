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
export { type Calibration, knownError } from './calibration.js';
export { listCandidates, withOtherAffinity } from './candidates.js';
export {
  type ComparedRow,
  type ComparedSchedule,
  type CompareRequest,
  type Comparison,
  compareSchedules,
  type RefusedSchedule,
} from './compare.js';
export { costsOfPlan, type PlanCosts } from './costs-of-plan.js';
export type { Layout, MemoryByPart, Plan, StepBreakdown } from './layout.js';
export type { CostBasis } from './part-segments.js';
export { type BasisFiles, type ReadBasis, readBasis, type TableReader } from './read-basis.js';
export {
  breakdownWords,
  countAlike,
  describeBasis,
  describeModel,
  formatStepSeconds,
  type ModelNumbers,
  type PlanColumn,
  type PlannedSearch,
  type PlanRates,
  planColumns,
  planRates,
  type SearchSummary,
  summarizeSearch,
} from './report.js';
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
export {
  type LayoutSearchResult,
  type PlanRequest,
  type Rejection,
  type SearchedCounts,
  searchedCounts,
  searchLayouts,
} from './search-layouts.js';
