export { drawCurve } from './curve.js';
export { drawScheduleSvg } from './svg.js';
export { drawScheduleText, formatTime, type TextOptions } from './text.js';
