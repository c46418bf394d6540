/**
 * Expert placement: which physical slot holds which expert. Typed arrays in and out, no input or output; runs in a browser.
 * @module
 */
export type { MoveCost } from './choose-points.js';
export {
  type DecisionRequest,
  decidePlacement,
  type LayerDecision,
  LEAST_GAIN,
  type PlacementDecision,
  type Verdict,
} from './decide.js';
export { type Rebalanced, type RebalanceShape, rebalanceExperts } from './deepseek.js';
export { describeGap, describeHeldOut, describeSolution, describeWindows } from './describe-solution.js';
export { type Dispatch, measureDispatchedLoads } from './dispatch.js';
export { type Estimate, estimatePlacement, type HeldOut, looksFitted } from './held-out/index.js';
export { listMeasures, type MeasureRow, type MeasureTable, tabulateSolution } from './list-measures.js';
export {
  checkLoads,
  createLoads,
  type ExpertLoads,
  normalizeWindows,
  pickWindows,
  sumWindows,
  type TokenRoutes,
} from './loads.js';
export { createMachine, joinNodes, listGpuOfSlot, type Machine, type MachineOptions } from './machine.js';
export {
  type Balancedness,
  countDuplicateSlots,
  countReplicas,
  largestOfRows,
  measureBalancedness,
  measureEvenLoads,
  measureGpuLoads,
  toRows,
} from './measure.js';
export { gapOf, type Measurement, measurePlacement } from './measure-placement.js';
export { type Migration, type MigrationOptions, migratePlacement } from './migrate-placement.js';
export {
  boundLayers,
  type PlacedExperts,
  type PlacementPolicy,
  type PlacementStrategy,
  type PlaceOptions,
  placeExperts,
} from './place.js';
export { type Placement, placeInOrder, placeInOrderOn } from './placement.js';
export { cutGroups, divideByGroupMeans, measureImbalance } from './rank-groups.js';
export type { SearchBudget } from './search-budget.js';
export { type ShareProblem, shareLoads } from './shares.js';
export { type BalanceRequest, type BalanceSolution, type BalanceWatch, solveBalance } from './solve.js';
export { measureSpread, type TokenSpread } from './traffic.js';
export { describeGain, describeMoves, type MoveFigures, type MoveReason, type MoveVerdict } from './verdict.js';
export type { PlacementObjective } from './windowed-state.js';
