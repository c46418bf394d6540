export { checkLoads, createLoads, type ExpertLoads, normalizeWindows, sumWindows, type TokenRoutes } from './loads.js';
export type { Placement } from './placement.js';
