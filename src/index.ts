export { InputError, WorkError } from './base/index.js';
