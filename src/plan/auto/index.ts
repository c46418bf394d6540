export { countParts, cutCosts, hasLists } from './cut.js';
export { copiesOf, labelSchedule, listVariants, stagesPerRankOf, tryVariant, type Variant } from './named.js';
export { type PlacementName, placementNames } from './placement.js';
export { type NamedResult, type ScheduleSearchRequest, type ScheduleSearchResult, searchSchedule } from './search.js';
