export { DoubletrackError, describeProblem, InputError, type Problem, WorkError } from './errors.js';
export { nearestWord, suggestWord } from './nearest.js';
export { createRandom, type Random } from './random.js';
export { formatBytes, formatCount, formatRate, formatSeconds } from './units.js';
