import type { ModelConfig } from '../../config/index.js';
import { MOVED_BYTES_A_PARAMETER, type StepReport } from '../../runtime/index.js';
import type { ExpertTraffic } from './move-cost.js';

/** The steps whose rates count. */
const MOST_STEPS = 32;

/** Measures what moving experts takes in a run, from its last steps. */
export interface TrafficMeter {
  /** Takes what the ranks said of a step. */
  add(reports: readonly TrafficReport[]): void;
  /** Undefined where nothing travelled or was computed. */
  measure(): ExpertTraffic | undefined;
}

type TrafficReport = Pick<StepReport, 'linkBytesPerSecond' | 'expertSeconds' | 'expertCpuSeconds'>;

/** A meter that has seen no step yet, of a run that trains `model`. */
export function createTrafficMeter(model: ModelConfig): TrafficMeter {
  const rates: number[][] = [];
  const seconds: number[] = [];
  const keep = <Value>(values: Value[], value: Value) => {
    values.push(value);
    if (values.length > MOST_STEPS) values.shift();
  };
  return {
    add(reports) {
      keep(
        rates,
        reports.flatMap(({ linkBytesPerSecond }) => linkBytesPerSecond ?? []),
      );
      const ofRanks = reports.map(({ expertCpuSeconds, expertSeconds }) => expertCpuSeconds ?? expertSeconds);
      keep(seconds, ofRanks.reduce((sum, value) => sum + value, 0) / ofRanks.length);
    },
    measure() {
      const bytesPerMove = MOVED_BYTES_A_PARAMETER * 3 * model.hiddenSize * model.moeIntermediateSize;
      const [bytesPerSecond, expertSeconds] = [medianOf(rates.flat()), medianOf(seconds)];
      const isKnown = bytesPerSecond > 0 && Number.isFinite(bytesPerSecond) && expertSeconds > 0;
      return isKnown ? { bytesPerMove, bytesPerSecond, expertSeconds } : undefined;
    },
  };
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
