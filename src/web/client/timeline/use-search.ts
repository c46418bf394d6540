import type { RefObject } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { type IndexedTimeline, nextMatch, type Selection, searchEvents } from '../../view/index.js';

/** The search of a chart. */
export interface ChartSearch {
  readonly input: RefObject<HTMLInputElement | null>;
  readonly query: string;
  readonly setQuery: (query: string) => void;
  /** `3 of 12`, `no match`; empty without a query. */
  readonly words: string;
  readonly findNext: (direction: 1 | -1) => void;
}

/** Searches the events of a timeline by what they are called; `pick` chooses the next one. */
export function useSearch(
  timeline: IndexedTimeline,
  picked: Selection | undefined,
  pick: (selection: Selection) => void,
): ChartSearch {
  const input = useRef<HTMLInputElement>(null);
  const [query, setQuery] = useState('');
  const matches = useMemo(() => searchEvents(timeline, query), [timeline, query]);
  const at = matches.findIndex(({ track, event }) => track === picked?.track && event === picked.event);
  return {
    input,
    query,
    setQuery,
    words: describeMatches({ query, count: matches.length, at }),
    findNext: (direction) => {
      const next = matches[nextMatch(timeline, matches, picked, direction)];
      if (next !== undefined) pick(next);
    },
  };
}

function describeMatches({ query, count, at }: { query: string; count: number; at: number }): string {
  if (query.trim() === '') return '';
  if (count === 0) return 'no match';
  return at < 0 ? `${count} found` : `${at + 1} of ${count}`;
}
