export {
  type NamedResult,
  type PlacementName,
  placementNames,
  type SearchRequest,
  type SearchResult,
  searchSchedule,
} from './auto/index.js';
export { listCandidates, withOtherAffinity } from './candidates.js';
