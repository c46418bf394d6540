export {
  DoubletrackError,
  describeProblem,
  errorCode,
  InputError,
  type Problem,
  problemOf,
  WorkError,
} from './errors.js';
export { escapeControls, escapeJsonControls } from './escape-controls.js';
export { nearestWord, suggestWord } from './nearest.js';
export { createRandom, type Random, shuffleNumbers } from './random.js';
export { formatBytes, formatCount, formatPercent, formatRate, formatSeconds } from './units.js';
