export { drawScheduleSvg, mostDrawnEvents } from './svg.js';
export { drawScheduleText, formatTime, type TextOptions } from './text.js';
