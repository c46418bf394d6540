export { type Costs, longestTime, type StageTime, unitCosts } from './costs.js';
export { type RankSteps, type Simulation, simulate } from './simulate.js';
export type { Track } from './timed.js';
export { simulatedTimeline } from './timeline.js';
