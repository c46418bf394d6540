export {
  type NamedResult,
  type PlacementName,
  placementNames,
  type SearchRequest,
  type SearchResult,
  searchSchedule,
} from './auto/index.js';
export { listCandidates, withOtherAffinity } from './candidates.js';
export {
  type ComparedRow,
  type ComparedSchedule,
  type CompareRequest,
  type Comparison,
  compareSchedules,
  type RefusedSchedule,
} from './compare.js';
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
