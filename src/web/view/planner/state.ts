import type { PlanRequest } from '../../../plan/index.js';
import { findScheduleName, type ScheduleName, scheduleNames } from '../../../schedule/index.js';
import {
  findRefusals,
  ignoreRefusal,
  type Parameters,
  type Refusal,
  type Refuse,
  readChoice,
  readNumber,
} from '../parameters.js';

/** All that is chosen in the view Planner, but for files of one's own. What is undefined is searched. */
export interface PlannerState {
  readonly sequencesPerStep: number;
  /** Tokens of a sequence. */
  readonly sequenceLength: number;
  readonly schedule: ScheduleName | undefined;
  readonly pipeline: number | undefined;
  readonly expert: number | undefined;
  readonly microbatchSize: number | undefined;
  /** Whether predictions are fitted to the measured step that belongs to the cluster. */
  readonly isCalibrated: boolean;
  /** Plans in the table. */
  readonly top: number;
  /** The plan whose details are shown: its place in the table, from 1. */
  readonly chosen: number;
}

/** Bounds of what can be chosen; the least is 1. */
export const plannerLimits = { sequencesPerStep: 1e9, sequenceLength: 2 ** 24, count: 2 ** 20, top: 50 } as const;

/** DeepSeek-V3 as it was trained. */
export const defaultPlannerState: PlannerState = {
  sequencesPerStep: 15_360,
  sequenceLength: 4096,
  schedule: undefined,
  pipeline: undefined,
  expert: undefined,
  microbatchSize: undefined,
  isCalibrated: true,
  top: 10,
  chosen: 1,
};

const numberNames = {
  sequencesPerStep: 'sequences',
  sequenceLength: 'length',
  pipeline: 'pipeline',
  expert: 'expert',
  microbatchSize: 'microbatch',
  top: 'plans',
  chosen: 'plan',
} as const satisfies Partial<Record<keyof PlannerState, string>>;

/**
 * The state that parameters of an address mean: `sequences`, `length`, `schedule`, `pipeline`, `expert`, `microbatch`, `calibration` (`none`), `plans`
 * (how many), `plan` (which one). What is missing, or no such thing, is as in `defaultPlannerState`; `refuse` hears of
 * the latter.
 */
export function readPlannerState(parameters: Parameters, refuse: Refuse = ignoreRefusal): PlannerState {
  const own = defaultPlannerState;
  const read = <K extends keyof typeof numberNames>(key: K, most: number): number | PlannerState[K] =>
    readNumber(parameters, { name: numberNames[key], refuse }, own[key], { least: 1, most, isWhole: true });
  const top = read('top', plannerLimits.top);
  return {
    sequencesPerStep: read('sequencesPerStep', plannerLimits.sequencesPerStep),
    sequenceLength: read('sequenceLength', plannerLimits.sequenceLength),
    schedule: readChoice(
      parameters,
      { name: 'schedule', refuse },
      undefined,
      scheduleNames,
      (text) => findScheduleName(text) ?? text,
    ),
    pipeline: read('pipeline', plannerLimits.count),
    expert: read('expert', plannerLimits.count),
    microbatchSize: read('microbatchSize', plannerLimits.count),
    isCalibrated: readChoice(parameters, { name: 'calibration', refuse }, undefined, ['none']) === undefined,
    top,
    chosen: read('chosen', top),
  };
}

/** The parameters of an address that mean nothing in the view Planner. */
export function findPlannerRefusals(parameters: Parameters): readonly Refusal[] {
  const names = Object.keys(plannerParameters(defaultPlannerState));
  return findRefusals(parameters, names, (refuse) => readPlannerState(parameters, refuse));
}

/** The parameters of an address that shows the state; those that are empty say that an earlier one goes. */
export function plannerParameters(state: PlannerState): Record<string, string> {
  const numbers = Object.entries(numberNames).map(([key, name]) => {
    const value = state[key as keyof typeof numberNames];
    return [name, value === defaultPlannerState[key as keyof typeof numberNames] ? '' : String(value)] as const;
  });
  return {
    ...Object.fromEntries(numbers),
    schedule: state.schedule ?? '',
    calibration: state.isCalibrated ? '' : 'none',
  };
}

/** What a state asks the search for. */
export function requestOf({
  sequencesPerStep,
  sequenceLength,
  schedule,
  pipeline,
  expert,
  microbatchSize,
}: PlannerState): PlanRequest {
  return {
    sequencesPerStep,
    sequenceLength,
    ...(schedule !== undefined && { schedule }),
    ...(pipeline !== undefined && { pipeline }),
    ...(expert !== undefined && { expert }),
    ...(microbatchSize !== undefined && { microbatchSize }),
  };
}
