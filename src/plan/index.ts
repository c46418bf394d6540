export { listCandidates, withOtherAffinity } from './candidates.js';
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
