import type { Launch } from '../comm/index.js';
import type { RankGroup, RunSpec } from '../runtime/index.js';
import { type MeasuredStep, recordSteps, type StepRecord } from '../simulate/index.js';

/** The first steps of a run warm up. */
const WARM_UP_STEPS = 2;
/** Asking the ranks takes time, so of a long run only the end is measured closely, and now and then before, in case it is stopped. */
const CLOSE_STEPS = 12;
const INTERVAL = 25;
const MOST_STEPS = 24;

/** Collects what the ranks measured in some of a run's steps. */
export interface StepRecorder {
  /** After step number `step`, of `steps`, which took `seconds`; `isLast` makes sure that there is something to record. */
  look(step: number, seconds: number, isLast: boolean): Promise<void>;
  record(): StepRecord;
}

export function createStepRecorder(
  group: RankGroup,
  spec: RunSpec,
  run: { readonly firstStep: number; readonly steps: number; readonly launch: Launch | undefined },
): StepRecorder {
  const measured: MeasuredStep[] = [];
  return {
    async look(step, seconds, isLast) {
      const isWarm = step >= run.firstStep + WARM_UP_STEPS;
      const isWanted = isWarm && (run.steps - step < CLOSE_STEPS || step % INTERVAL === 0);
      if (!isWanted && !(isLast && measured.length === 0)) return;
      measured.push({ seconds, ranks: await group.call('measure') });
      if (measured.length > MOST_STEPS) measured.shift();
    },
    record() {
      const { name, ranks, microbatches, stageToRank } = spec.schedule;
      const link = spec.emulatedBytesPerSecond;
      return recordSteps({
        schedule: { name, ranks, microbatches, stagesPerRank: stageToRank.length / ranks },
        expert: spec.expert,
        overlap: spec.overlap,
        transport: run.launch === undefined ? 'threads' : 'mpi',
        ...(link !== undefined && { emulatedBytesPerSecond: link }),
        layers: spec.layers,
        steps: measured,
      });
    },
  };
}
