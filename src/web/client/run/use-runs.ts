import { useEffect, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../../../base/index.js';
import type { StepMetrics } from '../../../formats/browser.js';
import { addNews, type FolderNews } from '../../view/index.js';
import { createServerSource, listServerRuns } from './server-source.js';
import type { RunSource } from './source.js';

/** What is known of a run by now. */
export interface RunState {
  readonly source: RunSource;
  readonly history: readonly StepMetrics[];
  /** All that was there when the page asked has come. */
  readonly isLoaded: boolean;
  readonly folder: FolderNews | undefined;
  readonly problem: Problem | undefined;
}

const listMilliseconds = 3000;

/** The runs of the server, asked for again and again; undefined before the first answer. */
export function useServerRuns(isServed: boolean) {
  const [runs, setRuns] = useState<readonly RunSource[]>();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    if (!isServed) return;
    let known = '';
    const look = () => {
      listServerRuns()
        .then((entries) => {
          setProblem(undefined);
          const text = JSON.stringify(entries);
          if (text !== known) setRuns(entries.map(createServerSource));
          known = text;
        })
        .catch((error: unknown) => setProblem(problemOf(error)));
    };
    look();
    const timer = setInterval(look, listMilliseconds);
    return () => clearInterval(timer);
  }, [isServed]);
  return { runs, problem };
}

/** What is known of some runs, kept up to date while they are chosen. */
export function useRunStates(sources: readonly RunSource[]): readonly RunState[] {
  const [states, setStates] = useState<ReadonlyMap<RunSource, RunState>>(new Map());
  useEffect(() => {
    const change = (source: RunSource, next: (state: RunState) => Partial<RunState>) =>
      setStates((all) => {
        const state = all.get(source) ?? emptyState(source);
        return new Map(all).set(source, { ...state, ...next(state) });
      });
    const stops = sources.map((source) =>
      source.watch({
        onMetrics: (news) =>
          change(source, ({ history }) => ({ history: addNews(history, news), isLoaded: !news.hasMore })),
        onFolder: (folder) => change(source, () => ({ folder, isLoaded: true })),
        onProblem: (problem) => change(source, () => ({ problem })),
      }),
    );
    return () => {
      for (const stop of stops) stop();
      setStates(new Map());
    };
  }, [sources]);
  return sources.map((source) => states.get(source) ?? emptyState(source));
}

function emptyState(source: RunSource): RunState {
  return { source, history: [], isLoaded: false, folder: undefined, problem: undefined };
}
