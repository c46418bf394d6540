/**
 * What of this folder runs in a browser: nothing that is reached from here knows Node.
 * @module
 */
export { parseMetrics, type StepMetrics } from './metrics.js';
export { parseRunLoads, type RunLoads } from './run-loads.js';
export { parseStepRecord } from './step-record.js';
export { parseTimeline, type StepTimeline } from './timeline.js';
