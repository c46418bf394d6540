/**
 * What a placement is worth on windows that it was not made from.
 * @module
 */
export { type Estimate, quantileOfT, standardErrorOf } from './estimate.js';
export { looksFitted } from './fitted.js';
export {
  type HeldOut,
  type JudgedBefore,
  judgeBefore,
  summarizeTrials,
  type Trials,
  tryPlacing,
} from './hold-out.js';
export { chooseWithin, judgeMoves } from './moves.js';
export { estimatePlacement } from './trials.js';
