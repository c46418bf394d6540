import {
  formatTimeline,
  makeFolder,
  removePath,
  replaceFile,
  type StepMetrics,
  type StepTimeline,
} from '../formats/index.js';
import { pickKeptSteps, type StepMark } from './kept-steps.js';
import { listTimelines, timelinePath } from './run-folder.js';
import { runPaths } from './run-paths.js';

/** Why the timeline of a step is worth keeping; undefined for a step like any other. */
export function markOf({ migration, decision }: Pick<StepMetrics, 'migration' | 'decision'>): StepMark | undefined {
  if (migration !== undefined) return 'migration';
  return decision === undefined ? undefined : 'decision';
}

/** Writes the timelines of steps into a run's folder, of which some stay (`pickKeptSteps`). */
export interface TimelineFiles {
  /** Takes a step later than all before. Throws as `replaceFile`. */
  write(timeline: StepTimeline, mark: StepMark | undefined): void;
}

/** Opens the timelines of a run that goes on from step `done`, of whose steps so far `kept` are the metrics: timelines beyond it go. */
export function openTimelineFiles(folder: string, done: number, kept: readonly StepMetrics[]): TimelineFiles {
  const marks = new Map(
    kept.flatMap((metrics) => {
      const mark = markOf(metrics);
      return mark === undefined ? [] : [[metrics.step, mark] as const];
    }),
  );
  makeFolder(runPaths(folder).timelines);
  let steps = listTimelines(folder);
  const keep = (next: readonly number[]) => {
    const staying = new Set(next);
    for (const step of steps) {
      if (staying.has(step)) continue;
      removePath(timelinePath(folder, step));
      marks.delete(step);
    }
    steps = [...next];
  };
  keep(steps.filter((step) => step <= done));
  return {
    write(timeline, mark) {
      const { step } = timeline;
      if (mark !== undefined) marks.set(step, mark);
      replaceFile(timelinePath(folder, step), formatTimeline(timeline));
      steps.push(step);
      keep(pickKeptSteps(steps, marks));
    },
  };
}
