import { isBetween, type Parameters, parseNumber } from '../parameters.js';
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

/** How an address wants curves to be drawn; what is wrong in it is as if it were not there. */
export function readCurveChoice({ x, smooth, log, curves }: Parameters): CurveChoice {
  return {
    axis: curveAxes.find((axis) => axis === x) ?? 'step',
    smoothing: readSmoothing(smooth) ?? 0,
    isLogarithmic: log === '1',
    zoom: parseWindow(curves),
  };
}

function readSmoothing(text: string | undefined): number | undefined {
  const value = parseNumber(text);
  return isBetween(value, smoothingBounds.least, smoothingBounds.most) ? value : undefined;
}

/** A parameter of an address that means nothing, and why. */
export interface WrongParameter {
  readonly name: string;
  readonly words: string;
}

const meanings = new Map<string, readonly [isGood: (text: string) => boolean, words: string]>(
  Object.entries({
    runs: [(text) => parseRunIds(text).length > 0, 'names of runs'],
    step: [(text) => /^[1-9]\d*$/.test(text), 'the number of a step'],
    layer: [(text) => /^\d+$/.test(text), 'the number of a layer'],
    window: [(text) => parseWindow(text) !== undefined, 'two times in seconds, as 0.1~0.2'],
    curves: [(text) => parseWindow(text) !== undefined, 'two places of the axis, as 10~20'],
    smooth: [(text) => readSmoothing(text) !== undefined, 'a number from 0 to 0.99'],
    log: [(text) => text === '1', '1'],
    x: [(text) => curveAxes.some((axis) => axis === text), `one of ${curveAxes.join(', ')}`],
    filter: [() => true, 'a part of names'],
  }),
);

const mostLetters = 40;

/** What is wrong in an address of the view Run, whatever runs there are. */
export function listWrongParameters(parameters: Parameters): readonly WrongParameter[] {
  return Object.entries(parameters).flatMap(([name, text = '']) => {
    const [isGood, expected] = meanings.get(name) ?? [() => false, undefined];
    if (expected === undefined)
      return [
        {
          name,
          words: `${shorten(name)} is nothing that this view knows: it knows ${[...meanings.keys()].join(', ')}`,
        },
      ];
    if (!isGood(text)) return [{ name, words: `${name} is ${shorten(text)}, and has to be ${expected}` }];
    return [];
  });
}

/** What of the runs that an address names cannot be shown: those that there are not, and those beyond the most that are shown together. */
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
