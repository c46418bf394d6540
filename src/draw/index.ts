export { drawCurve } from './curve.js';
export { drawHeatMapText, type TextHeatMap } from './heat-map.js';
export { drawHeatMapSvg } from './heat-map-svg.js';
export {
  describeLevels,
  formatMultiple,
  type HeatMap,
  type HeatScale,
  heatScales,
  levelFills,
  levelOf,
  noneFills,
  textOn,
} from './heat-scale.js';
export { drawLanesText } from './lanes.js';
export { type ChartPoint, type ChartSeries, drawLineChartSvg, type LineChart } from './line-chart.js';
export { mapGpuLoads, mapSolution } from './load-map.js';
export { niceStep } from './nice-step.js';
export { type KindStyle, kindStyles } from './style.js';
export { drawScheduleSvg } from './svg.js';
export { drawScheduleText, formatTime, holdsNumbers, type TextOptions } from './text.js';
