export { describeTime, margins } from './draw-frame.js';
export { TimelineChart } from './timeline-chart.js';
