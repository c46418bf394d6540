export { describeTime, margins } from './draw-frame.js';
export { TimelineChart, type TimelineChartProps } from './timeline-chart.js';
