import type { TrainingConfig } from '../config/index.js';
import type { RunSpec, StepReport } from '../runtime/index.js';
import { createPace } from './pace.js';
import { countStep, countWarmUpSteps, createLoadFiles } from './rebalance/index.js';

/** Writes the loads of a run's experts into its folder. */
export interface LoadRecorder {
  /** Takes a step that is done. Throws as `writeFileWhole`. */
  record(step: number, reports: readonly Pick<StepReport, 'expertCounts'>[]): Promise<void>;
  /** Writes what is not written yet; before each checkpoint, as a run that goes on from there cannot count the steps before anew. */
  flush(): Promise<void>;
}

export interface LoadRecorderOptions {
  readonly config: TrainingConfig;
  readonly spec: Pick<RunSpec, 'model'>;
  /** The run's. */
  readonly folder: string;
  /** The step that the run goes on from; what is written of steps beyond it goes. */
  readonly done: number;
}

/** The file that is being filled is written anew so often, or less often where that would take more than this share of the time. */
const SHOW_SECONDS = 5;
const SHOW_SHARE = 0.005;

/**
 * Records the loads of any run with routed experts; undefined for one without. Steps of the warm-up are left out: 10, or half of the interval between decisions where that is less, or
 * half of the run where nothing is decided. Files end where the next decision is made, or after 100 steps; what is in them lags by some seconds. Throws as `createLoadFiles`.
 */
export async function createLoadRecorder({
  config,
  spec: { model },
  folder,
  done,
}: LoadRecorderOptions): Promise<LoadRecorder | undefined> {
  const layers = listMoeLayers(model);
  if (layers.length === 0) return undefined;
  const { interval } = config.balance;
  const experts = model.nRoutedExperts;
  const counted = { layers, experts, warmUpSteps: countWarmUpSteps(interval === 0 ? config.train.steps : interval) };
  const pace = createPace({ leastSeconds: SHOW_SECONDS, share: SHOW_SHARE });
  const files = await createLoadFiles({ folder, layers, experts, hiddenLayers: model.numHiddenLayers }, done);
  return {
    async record(step, reports) {
      const loads = countStep(counted, step, countsOf(reports));
      if (loads !== undefined) {
        const isShown = pace.isDue(0);
        const end = isShown ? pace.begin() : undefined;
        await files.add(loads, isShown);
        end?.();
      }
      if (interval > 0 && step % interval === 0) await files.flush();
    },
    flush: files.flush,
  };
}

/** The layers with routed experts, by their number among all layers. */
export function listMoeLayers({ numHiddenLayers, firstKDenseReplace: first }: RunSpec['model']): number[] {
  return Array.from({ length: numHiddenLayers - first }, (_, index) => first + index);
}

/** By layer, `[experts]` each: what all ranks together counted in a step. */
export function countsOf(reports: readonly Pick<StepReport, 'expertCounts'>[]): Map<number, readonly number[]> {
  return new Map(reports.flatMap(({ expertCounts }) => [...expertCounts]));
}
