export { HeatMap } from './heat-map.js';
