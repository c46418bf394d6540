export { createLoadFiles } from './load-files.js';
export { formatMoveCost, priceMove } from './move-cost.js';
export { decideRebalance } from './rebalance.js';
export {
  createRebalanceState,
  type RebalanceShape,
  type RebalanceState,
  readRebalanceState,
  writeRebalanceState,
} from './state.js';
export { takeSwitches } from './switches.js';
export { createTrafficMeter } from './traffic-meter.js';
export { addStep, countStep, countWarmUpSteps } from './window.js';
