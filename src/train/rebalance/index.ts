export { createLoadFiles } from './load-files.js';
export { formatMoveCost, priceMove } from './move-cost.js';
export { decideRebalance, type RebalanceRequest } from './rebalance.js';
export { createRebalanceState, type RebalanceState, readRebalanceState, writeRebalanceState } from './state.js';
export { type PendingTarget, takeSwitches } from './switches.js';
export {
  addStep,
  countWarmUpSteps,
  createLoadWindow,
  type LoadWindow,
  measureWindow,
  windowLoads,
} from './window.js';
