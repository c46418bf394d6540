export { countParts, cutCosts, hasLists } from './cut.js';
export { listVariants, tryVariant, type Variant } from './named.js';
export { type PlacementName, placementNames } from './placement.js';
export { type NamedResult, type SearchRequest, type SearchResult, searchSchedule } from './search.js';
