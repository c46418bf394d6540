import type { Launch } from '../comm/index.js';
import { formatStepRecord, replaceFile, type StepMetrics, writeFileWhole, writeStepRecord } from '../formats/index.js';
import type { RankGroup, RunSpec } from '../runtime/index.js';
import { formatTrace, type Timeline } from '../schedule/index.js';
import type { StepRecord } from '../simulate/index.js';
import { createPace } from './pace.js';
import { runPaths } from './run-paths.js';
import { createStepRecorder } from './step-recorder.js';
import { markOf, openTimelineFiles } from './timeline-files.js';

/** What the leader's process would like of the next step's timeline, by its clock; the others wish nothing, and all do what it wishes. */
interface TimelineWish {
  /** The timeline whatever happens in the step. */
  readonly any: boolean;
  /** The timeline if something is decided or moves in it. */
  readonly marked: boolean;
}

/**
 * Looks at steps for whoever shows a run: asks the ranks between steps what they did, and writes it into the run's folder. Asking is done by all processes together: what depends on time is wished
 * before a step, by one of them, and told to all.
 */
export interface StepObserver {
  wish(): TimelineWish;
  /** A step is done that began at `start`, in seconds since 1970. */
  look(metrics: StepMetrics, start: number, wish: TimelineWish): Promise<void>;
  /** The last step is done. Gives what the segments of a step took; undefined if there was none. */
  finish(): Promise<StepRecord | undefined>;
}

export interface StepObserverOptions {
  readonly group: RankGroup;
  readonly spec: RunSpec;
  /** The run's. */
  readonly folder: string;
  /** The step that the run goes on from, the metrics of the steps up to it, and the last step. */
  readonly done: number;
  readonly kept: readonly StepMetrics[];
  readonly steps: number;
  readonly launch: Launch | undefined;
}

/** Share of the run's time that asking for timelines and writing them may take; a part of it is left for steps in which something is decided or moves. */
const TIMELINE_PACE = { leastSeconds: 0.25, share: 0.006, mostShare: 0.008 };
const RECORD_PACE = { leastSeconds: 5, share: 0.002 };

interface ObservedStep {
  readonly step: number;
  readonly ranks: Timeline['ranks'];
}

/** In the leader's process it writes the files, too. */
export function createStepObserver(options: StepObserverOptions): StepObserver {
  const { group, spec, folder, done, kept, steps, launch } = options;
  const recorder = createStepRecorder(group, spec, { firstStep: done + 1, steps, launch });
  const files = group.isLeader ? openTimelineFiles(folder, done, kept) : undefined;
  const [timelinePace, recordPace] = [createPace(TIMELINE_PACE), createPace(RECORD_PACE)];
  const paths = runPaths(folder);
  /** The last step, its start, and what was asked last; the first step in which experts moved. */
  let last: { readonly metrics: StepMetrics; readonly start: number } | undefined;
  let seen: ObservedStep | undefined;
  let moved: Timeline['ranks'] | undefined;
  const ask = async (metrics: StepMetrics, start: number): Promise<Timeline['ranks']> => {
    const { step, seconds } = metrics;
    const ranks = await group.call('timeline', start);
    files?.write({ step, start, seconds, ranks }, markOf(metrics));
    seen = { step, ranks };
    return ranks;
  };
  const showRecord = () => {
    if (!group.isLeader || !recorder.hasNews() || !recordPace.isDue(0)) return;
    const end = recordPace.begin();
    replaceFile(paths.stepRecord, formatStepRecord(recorder.record()));
    end();
  };
  return {
    wish() {
      if (!group.isLeader) return { any: false, marked: false };
      // The step will end about when one like the last would.
      const inSeconds = last?.metrics.seconds ?? 0;
      return { any: timelinePace.isDue(inSeconds), marked: timelinePace.isAffordable(inSeconds) };
    },
    async look(metrics, start, wish) {
      last = { metrics, start };
      await recorder.look(metrics.step, metrics.seconds, false);
      const isFirstMove = metrics.migration !== undefined && moved === undefined;
      if (wish.any || (wish.marked && markOf(metrics) !== undefined) || isFirstMove) {
        const end = timelinePace.begin();
        const ranks = await ask(metrics, start);
        end();
        if (isFirstMove) moved = ranks;
      }
      showRecord();
    },
    async finish() {
      if (last === undefined) return undefined;
      const { metrics, start } = last;
      const ranks = seen?.step === metrics.step ? seen.ranks : await ask(metrics, start);
      await recorder.look(metrics.step, metrics.seconds, true);
      const record = recorder.record();
      if (!group.isLeader) return record;
      await writeFileWhole(paths.trace, formatTrace({ unit: 'seconds', ranks }));
      if (moved !== undefined)
        await writeFileWhole(paths.migrationTrace, formatTrace({ unit: 'seconds', ranks: moved }));
      await writeStepRecord(paths.stepRecord, record);
      return record;
    },
  };
}
