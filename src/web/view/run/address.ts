import {
  findRefusals,
  ignoreRefusal,
  type Parameters,
  type Refusal,
  type Refuse,
  readChoice,
  readNumber,
} from '../parameters.js';
import type { TimeWindow } from '../timeline/paint-track.js';
import { parseWindow } from '../timeline/window.js';
import { type CurveAxis, curveAxes } from './curves.js';
import { mostRuns, parseRunIds } from './run-ids.js';

/** How curves are drawn. */
export interface CurveChoice {
  readonly axis: CurveAxis;
  /** Weight of the mean so far, see `smoothCurve`; 0 leaves curves as they are. */
  readonly smoothing: number;
  readonly isLogarithmic: boolean;
  /** The part of the axis that is shown; the whole without one. */
  readonly zoom: TimeWindow | undefined;
}

export const smoothingBounds = { least: 0, most: 0.99 } as const;

/**
 * How an address wants curves to be drawn; what means nothing in it, which `refuse` hears of, is as if it were not
 * there.
 */
export function readCurveChoice(parameters: Parameters, refuse: Refuse = ignoreRefusal): CurveChoice {
  return {
    axis: readChoice(parameters, { name: 'x', refuse }, 'step', curveAxes),
    smoothing: readNumber(parameters, { name: 'smooth', refuse }, 0, smoothingBounds),
    isLogarithmic: readChoice(parameters, { name: 'log', refuse }, undefined, ['1']) === '1',
    zoom: parseWindow(parameters.curves),
  };
}

const parameterNames = ['runs', 'filter', 'step', 'window', 'layer', 'curves', 'smooth', 'log', 'x'];

/** The parameters of an address that mean nothing in the view Run, whatever runs there are. */
export function findRunRefusals(parameters: Parameters): readonly Refusal[] {
  return findRefusals(parameters, parameterNames, (refuse) => {
    const { runs = '', window = '', curves = '' } = parameters;
    if (runs !== '' && parseRunIds(runs).length === 0) refuse('runs', 'names no run: the last one is shown');
    for (const name of ['step', 'layer'])
      readNumber(parameters, { name, refuse }, undefined, { least: 0, most: Number.POSITIVE_INFINITY, isWhole: true });
    if (window !== '' && parseWindow(window) === undefined)
      refuse('window', 'is no two times in seconds, as 0.1~0.2: all of the step is shown');
    if (curves !== '' && parseWindow(curves) === undefined)
      refuse('curves', 'is no two places of the axis, as 10~20: all of it is shown');
    readCurveChoice(parameters, refuse);
  });
}

const mostLetters = 40;

/**
 * What of the runs that an address names cannot be shown: those that there are not, and those beyond the most that are
 * shown together.
 */
export function describeMissingRuns(text: string, known: ReadonlySet<string>): readonly string[] {
  const ids = parseRunIds(text, Number.POSITIVE_INFINITY);
  const missing = ids.filter((id) => !known.has(id));
  return [
    ...missing.slice(0, mostRuns).map((id) => `There is no run ${shorten(id)}`),
    ...(ids.length > mostRuns ? [`The first ${mostRuns} of ${ids.length} runs are shown`] : []),
  ];
}

function shorten(text: string): string {
  return text.length > mostLetters ? `${text.slice(0, mostLetters)}…` : text;
}
