import { parse } from 'smol-toml';
import { parseCalibration, parseCluster, parsePlanningModel } from '../config/index.js';
import { noCalibration } from './calibration.js';
import type { CostBasis } from './part-segments.js';
import { deriveEfficiencies } from './profile.js';

/** The text of a file of the repository; the planner itself reads none. */
type ReadText = (path: string) => string;

/** DeepSeek-V3 on 2,048 H800, as the example files have it. */
export function exampleBasis(read: ReadText): CostBasis {
  const model = parsePlanningModel(JSON.parse(read('configs/deepseek-v3.json')));
  const cluster = parseCluster(parse(read('configs/h800-2048.toml')), 'configs/h800-2048.toml');
  return { model, cluster, efficiencies: deriveEfficiencies(cluster, model), calibration: noCalibration };
}

/** The step that was measured. */
export function exampleRun(read: ReadText) {
  return parseCalibration(parse(read('configs/h800-2048.calibration.toml')), 'calibration');
}
