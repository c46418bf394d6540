import { join } from 'node:path';

/** Where things lie in the folder of a run. */
export function runPaths(folder: string) {
  return {
    config: join(folder, 'config.toml'),
    /** Of the process that trains into the folder: there while it does. */
    lock: join(folder, 'lock'),
    /** A line a start (`RunStart`). */
    history: join(folder, 'history.jsonl'),
    /** A line a step (`StepMetrics`), added to while the run goes on. */
    metrics: join(folder, 'metrics.jsonl'),
    /** What the segments of a step took (`StepRecord`). */
    stepRecord: join(folder, 'step.json'),
    /** What the run came to (`RunSummary`): there once it is over. */
    summary: join(folder, 'summary.json'),
    /** The last step, and the first in which experts moved, for Perfetto. */
    trace: join(folder, 'trace.json'),
    migrationTrace: join(folder, 'trace-migration.json'),
    /** `STEP/` each. */
    checkpoints: join(folder, 'checkpoints'),
    /** `FIRST-LAST.json` each. */
    loads: join(folder, 'loads'),
    /** `STEP.json` each (`StepTimeline`). */
    timelines: join(folder, 'timelines'),
  };
}
