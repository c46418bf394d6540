import type { Launch } from '../comm/index.js';
import type { RankGroup, RunSpec } from '../runtime/index.js';
import { type MeasuredStep, recordSteps, type StepRecord } from '../simulate/index.js';

/** The first steps of a run warm up. */
const WARM_UP_STEPS = 2;
/** Asking the ranks takes time, so of a long run only the end is measured closely, and now and then before, in case it is stopped. */
const CLOSE_STEPS = 12;
const INTERVAL = 25;
const MOST_STEPS = 24;
/** The first steps after the warm-up are measured so that a run can be predicted early; they count only while there are no more than these. */
const EARLY_STEPS = 4;

/** Collects what the ranks measured in some of a run's steps. */
export interface StepRecorder {
  /** After step number `step`, of `steps`, which took `seconds`; `isLast` makes sure that there is something to record. */
  look(step: number, seconds: number, isLast: boolean): Promise<void>;
  /** Whether there is enough for a record that says more than the one before. */
  hasNews(): boolean;
  /** Of what was measured so far: at least one step. */
  record(): StepRecord;
}

export function createStepRecorder(
  group: RankGroup,
  spec: RunSpec,
  run: { readonly firstStep: number; readonly steps: number; readonly launch: Launch | undefined },
): StepRecorder {
  const early: MeasuredStep[] = [];
  const measured: MeasuredStep[] = [];
  const warm = run.firstStep + WARM_UP_STEPS;
  let hasNews = false;
  return {
    async look(step, seconds, isLast) {
      const isWanted = step >= warm && (run.steps - step < CLOSE_STEPS || step % INTERVAL === 0);
      const isEarly = !isWanted && step >= warm && step < warm + EARLY_STEPS;
      if (!isWanted && !isEarly && !(isLast && early.length + measured.length === 0)) return;
      const list = isEarly ? early : measured;
      list.push({ seconds, ranks: await group.call('measure') });
      if (measured.length > MOST_STEPS) measured.shift();
      hasNews = early.length + measured.length >= EARLY_STEPS;
    },
    hasNews: () => hasNews,
    record() {
      hasNews = false;
      const { name, ranks, microbatches, stageToRank } = spec.schedule;
      const link = spec.emulatedBytesPerSecond;
      return recordSteps({
        schedule: { name, ranks, microbatches, stagesPerRank: stageToRank.length / ranks },
        expert: spec.expert,
        overlap: spec.overlap,
        transport: run.launch === undefined ? 'threads' : 'mpi',
        ...(link !== undefined && { emulatedBytesPerSecond: link }),
        layers: spec.layers,
        steps: measured.length > early.length ? measured : [...early, ...measured],
      });
    },
  };
}
