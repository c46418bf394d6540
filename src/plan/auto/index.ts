export { type PlacementName, placementNames } from './placement.js';
export { type NamedResult, type SearchRequest, type SearchResult, searchSchedule } from './search.js';
