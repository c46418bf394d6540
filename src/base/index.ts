export { DoubletrackError, describeProblem, InputError, type Problem, WorkError } from './errors.js';
