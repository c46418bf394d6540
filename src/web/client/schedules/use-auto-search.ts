import { useEffect, useState } from 'preact/hooks';
import type { Problem } from '../../../base/index.js';
import type { ScheduleSearchResult } from '../../../plan/index.js';
import type { AutoMessage, AutoRequest } from './auto-worker.js';

/** How far a search is. */
type AutoState =
  | { readonly kind: 'searching'; readonly done?: number; readonly of?: number }
  | { readonly kind: 'stopped' }
  | { readonly kind: 'found'; readonly result: ScheduleSearchResult }
  | { readonly kind: 'problem'; readonly problem: Problem };

/** A search, and what a person can do about it. */
export interface AutoSearch {
  readonly state: AutoState;
  readonly cancel: () => void;
  readonly restart: () => void;
}

/** A slider that moves would begin a search with every step. */
const quietMilliseconds = 300;

/** Searches a schedule in a worker, anew whenever what is asked for changes; undefined asks for none. */
export function useAutoSearch(request: AutoRequest | undefined): AutoSearch {
  const [known, setKnown] = useState<{ readonly key: string | undefined; readonly state: AutoState }>();
  const [turn, setTurn] = useState(0);
  const [stop, setStop] = useState<AbortController>();
  // Says all of the request, which is another object each time.
  const key = JSON.stringify(request);
  const setState = (state: AutoState) => setKnown({ key, state });
  useEffect(() => {
    if (request === undefined) return;
    const own = new AbortController();
    setState(begun);
    setStop(own);
    const timer = setTimeout(() => startSearch(request, setState, own.signal), quietMilliseconds);
    return () => {
      clearTimeout(timer);
      own.abort();
    };
  }, [key, turn]);
  const cancel = () => {
    stop?.abort();
    setState({ kind: 'stopped' });
  };
  // What an earlier request found is nothing for this one.
  const state = known?.key === key ? (known?.state ?? begun) : begun;
  return { state, cancel, restart: () => setTurn(turn + 1) };
}

const begun: AutoState = { kind: 'searching' };

function startSearch(request: AutoRequest, onState: (state: AutoState) => void, signal: AbortSignal): void {
  if (signal.aborted) return;
  const worker = new Worker(new URL('./auto-worker.ts', import.meta.url), { type: 'module' });
  signal.addEventListener('abort', () => worker.terminate());
  worker.addEventListener('message', ({ data }: MessageEvent<AutoMessage>) => {
    if (signal.aborted) return;
    if (data.kind === 'progress') return onState({ ...data, kind: 'searching' });
    worker.terminate();
    onState(data);
  });
  worker.addEventListener('error', ({ message }) => {
    worker.terminate();
    if (!signal.aborted) onState({ kind: 'problem', problem: { what: `the search failed: ${message}` } });
  });
  worker.postMessage(request);
}
