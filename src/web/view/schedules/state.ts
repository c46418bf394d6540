import { type ScheduleName, scheduleNames } from '../../../schedule/index.js';
import type { TimeWindow } from '../timeline/paint-track.js';

/** What may be chosen: a schedule with a name, or one that is searched for the times. */
export type ScheduleChoice = ScheduleName | 'auto';

/** All that may be chosen, in the order of the lists. */
export const scheduleChoices: readonly ScheduleChoice[] = [...scheduleNames, 'auto'];

/** A schedule of a picture. */
export interface ChosenSchedule {
  readonly name: ScheduleChoice;
  /** Of `interleaved`; the others have their own number. */
  readonly stagesPerRank: number;
}

/** Times in any one unit, of one rank's share of the model (1 / ranks of it), so that schedules that cut it differently run the same model. */
export interface ShareTimes {
  readonly kind: 'share';
  readonly forward: number;
  readonly backwardInput: number;
  readonly backwardWeight: number;
  /** What an overlapped pair takes, as a part of the sum of its forward and its backward: 1 where overlapping gains nothing. */
  readonly overlapped: number;
  /** Of a message between ranks. */
  readonly p2p: number;
}

/** Times in seconds of each stage of the model, `[stages of a pipeline]`, as a plan has them. A schedule with fewer stages takes runs of them. */
export interface StageTimes {
  readonly kind: 'stages';
  readonly forward: readonly number[];
  readonly backwardInput: readonly number[];
  readonly backwardWeight: readonly number[];
  /** Of an overlapped pair, by the stage of its forward. Without it, the sum of its parts. */
  readonly overlapped?: readonly number[];
  /** Of a message between ranks. */
  readonly p2p: number;
}

/** All that the view Schedules shows, but for a file that was opened in it. */
export interface SchedulesState {
  readonly first: ChosenSchedule;
  /** Shown under the first one, for the same model, ranks and microbatches. */
  readonly second: ChosenSchedule | undefined;
  readonly ranks: number;
  /** Of all pipelines together. */
  readonly microbatches: number;
  readonly times: ShareTimes | StageTimes;
  /** Whose memory is shown. */
  readonly rank: number;
  /** Whether both schedules have the time scale of the longer one. */
  readonly isSameScale: boolean;
  /** Whether they stand beside each other, and not above: on one scale it is above that their times line up. */
  readonly isBeside: boolean;
  /** The part of the time that is shown; the whole without one. */
  readonly window: TimeWindow | undefined;
}

/** Bounds of what can be chosen; what lies between and is too much at once is refused with a word on it. */
export const chosenLimits = {
  ranks: 512,
  microbatches: 4096,
  stagesPerRank: 16,
  time: 1e6,
  /** Half of the sum is the longer half of a pair of equal ones; of other pairs it is more. */
  overlapped: { least: 0.5, most: 1.2 },
  /** Entries of a list of times. */
  stages: 1024,
} as const;

/** DualPipeV, with pairs that hide a good part of their communication, beside the schedule that most people use. */
export const defaultSchedulesState: SchedulesState & { readonly times: ShareTimes } = {
  first: { name: 'dualpipev', stagesPerRank: 2 },
  second: { name: '1f1b', stagesPerRank: 2 },
  ranks: 8,
  microbatches: 20,
  times: { kind: 'share', forward: 1, backwardInput: 1, backwardWeight: 1, overlapped: 0.75, p2p: 0.1 },
  rank: 0,
  isSameScale: true,
  isBeside: false,
  window: undefined,
};
