export { HeatMap, type HeatMapProps, type HeatMark } from './heat-map.js';
