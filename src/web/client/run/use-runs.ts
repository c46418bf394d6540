import { useEffect, useRef, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../../../base/index.js';
import type { StepMetrics } from '../../../formats/browser.js';
import { addNews, type FolderNews, parseRunIds, type RunEntry, type RunListing } from '../../view/index.js';
import { createServerSource, listServerRuns } from './server-source.js';
import type { RunSource } from './source.js';

/** What is known of a run by now. */
export interface RunState {
  readonly source: RunSource;
  readonly history: readonly StepMetrics[];
  /** When the last step was done, by `performance.now()`. */
  readonly lastAt: number;
  /** All that was there when the page asked has come. */
  readonly isLoaded: boolean;
  readonly folder: FolderNews | undefined;
  readonly problem: Problem | undefined;
}

const listMilliseconds = 3000;

/**
 * The runs of the server that pass a filter, and those that are `named`, asked for again and again; undefined before
 * the first answer. A run that stays stays the same
 * object.
 */
export function useServerRuns({ isServed, filter, named }: ServerRunsOptions) {
  const [listed, setListed] = useState<{ readonly runs: readonly RunSource[]; readonly leftOut: number }>();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    if (!isServed) return;
    let isOver = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const look = async () => {
      try {
        const listing = document.hidden ? undefined : await listServerRuns(filter, parseRunIds(named));
        if (isOver) return;
        if (listing !== undefined) setListed((before) => takeListing(before, listing));
        setProblem(undefined);
      } catch (error) {
        if (!isOver) setProblem(problemOf(error));
      }
      if (!isOver) timer = setTimeout(look, listMilliseconds);
    };
    void look();
    return () => {
      isOver = true;
      clearTimeout(timer);
    };
  }, [isServed, filter, named]);
  return { runs: listed?.runs, leftOut: listed?.leftOut ?? 0, problem };
}

interface ServerRunsOptions {
  readonly isServed: boolean;
  readonly filter: string;
  /** As in an address, see `formatRunIds`. */
  readonly named: string;
}

function takeListing(
  before: { readonly runs: readonly RunSource[]; readonly leftOut: number } | undefined,
  { runs, leftOut }: RunListing,
) {
  const next = takeEntries(before?.runs, runs);
  return before !== undefined && before.runs === next && before.leftOut === leftOut ? before : { runs: next, leftOut };
}

function takeEntries(before: readonly RunSource[] | undefined, entries: readonly RunEntry[]): readonly RunSource[] {
  const next = entries.map(
    (entry) =>
      before?.find(({ id, folder }) => id === entry.id && folder === entry.folder) ?? createServerSource(entry),
  );
  const isSame = before?.length === next.length && next.every((run, place) => run === before[place]);
  return isSame ? before : next;
}

type States = ReadonlyMap<RunSource, RunState>;
type ChangeStates = (change: (all: States) => States, hasMore?: boolean) => void;

/** What is known of some runs, kept up to date while they are chosen. */
export function useRunStates(sources: readonly RunSource[]): readonly RunState[] {
  const [states, setStates] = useState<States>(new Map());
  const stops = useRef(new Map<RunSource, () => void>()).current;
  const [changeStates] = useState(() => batchChanges(setStates));
  useEffect(() => {
    for (const [source, stop] of stops) {
      if (sources.includes(source)) continue;
      stop();
      stops.delete(source);
    }
    setStates((all) => new Map([...all].filter(([source]) => stops.has(source))));
    for (const source of sources) if (!stops.has(source)) stops.set(source, watchRun(source, changeStates));
  }, [sources, stops]);
  useEffect(
    () => () => {
      for (const stop of stops.values()) stop();
      stops.clear();
    },
    [stops],
  );
  return sources.map((source) => states.get(source) ?? emptyState(source));
}

function watchRun(source: RunSource, changeStates: ChangeStates): () => void {
  let isOver = false;
  const change = (next: (state: RunState) => Partial<RunState>, hasMore = false) =>
    changeStates((all) => {
      const state = all.get(source) ?? emptyState(source);
      return isOver ? all : new Map(all).set(source, { ...state, ...next(state) });
    }, hasMore);
  const stop = source.watch({
    onMetrics: (news) => {
      const lastAt = performance.now() - news.ageSeconds * 1000;
      change(({ history }) => ({ history: addNews(history, news), isLoaded: !news.hasMore, lastAt }), news.hasMore);
    },
    onFolder: (folder) => change(() => ({ folder, isLoaded: true })),
    onProblem: (problem) => change(() => ({ problem })),
  });
  return () => {
    isOver = true;
    stop();
  };
}

/** What comes in quick succession, as the parts of a long run do, is shown together: showing it takes longer than it does. */
const batchMilliseconds = 250;
const longBatchMilliseconds = 1500;

function batchChanges(changeStates: ChangeStates): ChangeStates {
  let waiting: ((all: States) => States)[] = [];
  let isDue = false;
  let last = Number.NEGATIVE_INFINITY;
  const apply = () => {
    const changes = waiting;
    waiting = [];
    isDue = false;
    last = performance.now();
    changeStates((all) => changes.reduce((states, change) => change(states), all));
  };
  return (change, hasMore = false) => {
    waiting.push(change);
    const room = hasMore ? longBatchMilliseconds : batchMilliseconds;
    if (!isDue) setTimeout(apply, Math.max(0, last + room - performance.now()));
    isDue = true;
  };
}

function emptyState(source: RunSource): RunState {
  return { source, history: [], lastAt: 0, isLoaded: false, folder: undefined, problem: undefined };
}
