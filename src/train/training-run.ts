import type { Launch } from '../comm/index.js';
import type { TrainingConfig } from '../config/index.js';
import type { StepMetrics } from '../formats/index.js';
import type { RankGroup, RunSpec } from '../runtime/index.js';
import type { StepRecord } from '../simulate/index.js';
import type { Balancer } from './balancer.js';
import type { StartPoint } from './choose-checkpoint.js';
import type { Corpus } from './data/index.js';
import type { LoadRecorder } from './load-recorder.js';
import type { MetricsFile } from './metrics-file.js';
import type { OpenRunFolder } from './open-run-folder.js';
import type { Utilization } from './utilization.js';

/** What happens in a run, for whoever shows it. */
export type TrainingEvent =
  | {
      readonly kind: 'start';
      readonly spec: RunSpec;
      readonly corpus: Corpus;
      /** The run's. */
      readonly folder: string;
      readonly firstStep: number;
      /** Why threads do not keep to cores of their own although the config asks for it. */
      readonly pinningObstacle: string | undefined;
    }
  | { readonly kind: 'step'; readonly metrics: StepMetrics }
  /** What a person should know: how the run was found, or what happened to its files. */
  | { readonly kind: 'note'; readonly note: string }
  | { readonly kind: 'checkpoint'; readonly step: number; readonly folder: string };

/** Where a run is to lie, and where it begins. */
export type RunPlace =
  /** In a folder that holds no run, which is made; undefined: in `runs/`, named after the time. */
  | { readonly kind: 'new'; readonly folder: string | undefined }
  /** In that of a run, from its newest whole checkpoint or that of a step. */
  | { readonly kind: 'resumed'; readonly folder: string; readonly from: 'last' | number };

export interface TrainingOptions {
  readonly config: TrainingConfig;
  readonly place: RunPlace;
  /** In the leader's process only. */
  readonly onEvent: (event: TrainingEvent) => void;
  /** In every process, once all is ready: until then the run has nothing to save. */
  readonly onFirstStep: () => void;
  /**
   * In the leader's process, before the ranks part; with MPI a process that ends while others work takes them with it.
   */
  readonly onEnd: (result: TrainingResult) => Promise<void>;
  /** Bits a second, in millions, of an emulated link out of every rank: for threads, to show what a slow link does. */
  readonly emulatedMegabits?: number;
  /** Ends the run after the step under way, with a checkpoint. */
  readonly signal: AbortSignal;
}

export interface TrainingResult {
  /** The run's. */
  readonly folder: string;
  readonly steps: readonly StepMetrics[];
  readonly checkpoint: string;
  readonly stopped: boolean;
  /** What the segments of a step took; undefined of a run without a step. */
  readonly record: StepRecord | undefined;
  /** The first words of the validation text. */
  readonly samplePrompt: string;
}

/** A run before its ranks have their numbers. */
export interface ReadyRun {
  readonly options: TrainingOptions;
  readonly spec: RunSpec;
  readonly launch: Launch | undefined;
  readonly folder: string;
  /** In the leader's process. */
  readonly open: OpenRunFolder | undefined;
  readonly start: StartPoint;
  readonly corpus: Corpus;
  readonly group: RankGroup;
  readonly utilization: Utilization;
}

/** A run that is ready for its first step. */
export interface Run extends ReadyRun {
  /** Of a run in which experts move. */
  readonly balancer: Balancer | undefined;
  /** In the leader's process, of a run with routed experts. */
  readonly loads: LoadRecorder | undefined;
  /** In the leader's process: the metrics, and of the steps so far those in which experts moved or that was decided. */
  readonly metrics: MetricsFile | undefined;
  readonly kept: readonly StepMetrics[];
}
