import { findScheduleName, mostRanks } from '../../../schedule/index.js';
import {
  findRefusals,
  ignoreRefusal,
  isBetween,
  type Parameters,
  parseNumber,
  type Refusal,
  type Refuse,
  readChoice,
  readNumber,
} from '../parameters.js';
import type { TimeWindow } from '../timeline/paint-track.js';
import { leastPair } from './costs.js';
import {
  type ChosenSchedule,
  chosenLimits,
  defaultSchedulesState,
  type ScheduleChoice,
  type SchedulesState,
  type ShareTimes,
  type StageTimes,
  scheduleChoices,
} from './state.js';

/**
 * The parameters of an address that shows a state of the view Schedules; those that are empty say that an earlier one goes.
 *
 * - `schedule`, `stages`: the first schedule, and the stages of a rank where it is `interleaved`; `other`, `otherStages`: the second (`none`: there is none);
 * - `ranks`, `microbatches`;
 * - `forward`, `backwardInput`, `backwardWeight`, `overlapped`, `p2p`: times. With `times=stages` all but `p2p` are lists with commas, of seconds, one a stage of the
 *   model (`overlapped`, by the stage of a pair's forward, may be left out); else they are numbers of one rank's share of the model, and `overlapped` a part of the sum of its parts;
 * - `rank`: whose memory is shown; `scale=own`: each schedule on a time scale of its own; `layout=beside`: one beside the other; `from`, `to`: the part of the time that is shown.
 */
export function schedulesRoute(state: SchedulesState): Record<string, string> {
  const { first, second, ranks, microbatches, rank, isSameScale, isBeside, window } = state;
  return {
    schedule: first.name,
    stages: stagesText(first),
    other: second?.name ?? 'none',
    otherStages: stagesText(second),
    ranks: String(ranks),
    microbatches: String(microbatches),
    ...timeTexts(state.times),
    rank: rank === 0 ? '' : String(rank),
    scale: isSameScale ? '' : 'own',
    layout: isBeside ? 'beside' : '',
    from: window === undefined ? '' : shortNumber(window.from),
    to: window === undefined ? '' : shortNumber(window.to),
  };
}

function stagesText(chosen: ChosenSchedule | undefined): string {
  return chosen?.name === 'interleaved' ? String(chosen.stagesPerRank) : '';
}

function timeTexts(times: ShareTimes | StageTimes): Record<string, string> {
  const list = (values: readonly number[]) => values.map(shortNumber).join(',');
  if (times.kind === 'share') {
    const { kind: _, ...numbers } = times;
    return { times: '', ...Object.fromEntries(Object.entries(numbers).map(([name, time]) => [name, String(time)])) };
  }
  return {
    times: 'stages',
    forward: list(times.forward),
    backwardInput: list(times.backwardInput),
    backwardWeight: list(times.backwardWeight),
    overlapped: times.overlapped === undefined ? '' : list(times.overlapped),
    p2p: shortNumber(times.p2p),
  };
}

/** Seven digits: what no picture shows is not worth a longer link. */
function shortNumber(value: number): string {
  return String(Number(value.toPrecision(7)));
}

/**
 * The state that parameters of an address mean. What is missing, or no such thing, is as in `defaultSchedulesState`;
 * `refuse` hears of the latter.
 */
export function readSchedulesState(parameters: Parameters, refuse: Refuse = ignoreRefusal): SchedulesState {
  const own = defaultSchedulesState;
  const whole = (name: 'ranks' | 'microbatches' | 'rank', usual: number, least: number, most: number) =>
    readNumber(parameters, { name, refuse }, usual, { least, most, isWhole: true });
  const choice = (name: string, word: string) => readChoice(parameters, { name, refuse }, undefined, [word]) === word;
  return {
    first: readChosen(parameters, 'schedule', own.first, refuse),
    second: parameters.other === 'none' ? undefined : readChosen(parameters, 'other', own.second, refuse),
    ranks: whole('ranks', own.ranks, 1, chosenLimits.ranks),
    microbatches: whole('microbatches', own.microbatches, 1, chosenLimits.microbatches),
    times: readTimes(parameters, refuse),
    rank: whole('rank', 0, 0, mostRanks - 1),
    isSameScale: !choice('scale', 'own'),
    isBeside: choice('layout', 'beside'),
    window: readWindow(parameters, refuse),
  };
}

/** The parameters of an address that mean nothing in the view Schedules. */
export function findSchedulesRefusals(parameters: Parameters): readonly Refusal[] {
  const names = Object.keys(schedulesRoute(defaultSchedulesState));
  return findRefusals(parameters, names, (refuse) => readSchedulesState(parameters, refuse));
}

function readChosen<Own extends ChosenSchedule | undefined>(
  parameters: Parameters,
  key: 'schedule' | 'other',
  own: Own,
  refuse: Refuse,
): ChosenSchedule | Own {
  const spell = (text: string) => findScheduleName(text) ?? text.toLowerCase();
  const choice: ScheduleChoice | undefined = readChoice(
    parameters,
    { name: key, refuse },
    own?.name,
    scheduleChoices,
    spell,
  );
  if (choice === undefined) return own;
  const stages = { name: key === 'schedule' ? 'stages' : 'otherStages', refuse };
  const stagesPerRank = readNumber(parameters, stages, 2, {
    least: 1,
    most: chosenLimits.stagesPerRank,
    isWhole: true,
  });
  return { name: choice, stagesPerRank };
}

function readTimes(parameters: Parameters, refuse: Refuse): ShareTimes | StageTimes {
  const isListed = readChoice(parameters, { name: 'times', refuse }, undefined, ['stages']) !== undefined;
  const listed = isListed ? readStageTimes(parameters, refuse) : undefined;
  if (listed !== undefined) return listed;
  if (isListed) refuse('times', 'needs lists with a time for each of the same stages: times of one share are shown');
  const own = defaultSchedulesState.times;
  // A list that means nothing is not a number either, so plain times come back as a whole; the lists are refused above.
  const hear = isListed ? ignoreRefusal : refuse;
  const time = (name: 'forward' | 'backwardInput' | 'backwardWeight' | 'p2p') =>
    readNumber(parameters, { name, refuse: hear }, own[name], { least: 0, most: chosenLimits.time });
  const parts = {
    forward: time('forward'),
    backwardInput: time('backwardInput'),
    backwardWeight: time('backwardWeight'),
  };
  const bounds = { ...chosenLimits.overlapped, least: leastPair(parts) };
  const pair = { name: 'overlapped', refuse: hear };
  return {
    kind: 'share',
    ...parts,
    overlapped: readNumber(parameters, pair, Math.max(own.overlapped, bounds.least), bounds),
    p2p: time('p2p'),
  };
}

/** Undefined unless all lists have an entry for each of the same stages. */
function readStageTimes(parameters: Parameters, refuse: Refuse): StageTimes | undefined {
  const forward = readList(parameters.forward);
  const list = (text: string | undefined) => {
    const values = readList(text);
    return values?.length === forward?.length ? values : undefined;
  };
  const [backwardInput, backwardWeight] = [list(parameters.backwardInput), list(parameters.backwardWeight)];
  const overlapped = list(parameters.overlapped);
  if (forward === undefined || backwardInput === undefined || backwardWeight === undefined) return undefined;
  if (parameters.overlapped !== undefined && overlapped === undefined) return undefined;
  return {
    kind: 'stages',
    forward,
    backwardInput,
    backwardWeight,
    ...(overlapped !== undefined && { overlapped }),
    p2p: readNumber(parameters, { name: 'p2p', refuse }, 0, { least: 0, most: chosenLimits.time }),
  };
}

function readList(text: string | undefined): readonly number[] | undefined {
  const values = (text ?? '').split(',', chosenLimits.stages + 1).map(parseNumber);
  const isWhole =
    values.length <= chosenLimits.stages && values.every((value) => isBetween(value, 0, chosenLimits.time));
  return isWhole ? values : undefined;
}

function readWindow({ from, to }: Parameters, refuse: Refuse): TimeWindow | undefined {
  const [start, end] = [parseNumber(from), parseNumber(to)];
  if (start >= 0 && end > start && Number.isFinite(end)) return { from: start, to: end };
  for (const [name, text] of Object.entries({ from, to }))
    if (text !== undefined && text !== '') refuse(name, 'is no part of the time: all of it is shown');
  return undefined;
}
