export { describeTime } from './draw-frame.js';
export { TimelineChart, type TimelineChartProps } from './timeline-chart.js';
