import type { Problem } from '../../../base/index.js';
import { readMetricsLine } from '../../../formats/browser.js';
import type { FolderNews, MetricsNews, RunEvent } from '../../view/index.js';
import { parseNews, type RunListener } from './source.js';

/** What the server does not answer, whatever it was asked. */
export const unreachable: Problem = {
  what: 'the server does not answer',
  mend: 'start doubletrack serve again; the page goes on by itself',
};

const retryMilliseconds = 2000;
/** The server gives a sign of life more often: without one, the connection is lost, as after the sleep of a laptop. */
const silentMilliseconds = 30_000;

interface Watched {
  readonly listener: RunListener;
  cursor: string;
}

const watched = new Map<string, Watched>();
let events: EventSource | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;
let isLost = false;

document.addEventListener('visibilitychange', () => connectIn(0));

/**
 * Hears of a run of the server until the function that it gives is called. All runs share one connection, which is closed while nobody sees the page: a browser allows a server only six, of all
 * pages together.
 */
export function watchServerRun(run: string, listener: RunListener): () => void {
  const own: Watched = { listener, cursor: '' };
  watched.set(run, own);
  if (isLost) listener.onProblem(unreachable);
  connectIn(0);
  return () => {
    if (watched.get(run) === own) watched.delete(run);
    connectIn(0);
  };
}

function connectIn(milliseconds: number): void {
  clearTimeout(timer);
  timer = setTimeout(connect, milliseconds);
}

function connect(): void {
  events?.close();
  events = undefined;
  clearTimeout(timer);
  if (watched.size === 0 || document.hidden) return;
  const query = new URLSearchParams(
    [...watched].flatMap(([run, { cursor }]) => [
      ['run', run],
      ['from', cursor],
    ]),
  );
  const opened = new EventSource(`api/events?${query.toString()}`);
  events = opened;
  listen<MetricsNews>(opened, 'metrics', ({ onMetrics }, { lines, ...news }) =>
    onMetrics({ ...news, lines: lines.flatMap((line) => readMetricsLine(line) ?? []) }),
  );
  listen<FolderNews>(opened, 'folder', ({ onFolder }, news) => onFolder(news));
  listen<Problem | null>(opened, 'problem', ({ onProblem }, problem) => onProblem(problem ?? undefined));
  opened.addEventListener('alive', stayAwake);
  opened.addEventListener('open', () => {
    stayAwake();
    tellReachable(true);
  });
  opened.addEventListener('error', lose);
  stayAwake();
}

function listen<News>(opened: EventSource, name: string, use: (listener: RunListener, news: News) => void): void {
  opened.addEventListener(name, ({ data }: MessageEvent<string>) => {
    stayAwake();
    const { run, news, cursor } = parseNews<RunEvent<News>>(data, 'api/events');
    const heard = watched.get(run);
    if (heard === undefined) return;
    heard.cursor = cursor ?? heard.cursor;
    use(heard.listener, news);
  });
}

function stayAwake(): void {
  clearTimeout(timer);
  timer = setTimeout(lose, silentMilliseconds);
}

/** The connection is gone; another goes on where it was. */
function lose(): void {
  events?.close();
  tellReachable(false);
  connectIn(retryMilliseconds);
}

function tellReachable(isReachable: boolean): void {
  if (isReachable !== isLost) return;
  isLost = !isReachable;
  for (const { listener } of watched.values()) listener.onProblem(isReachable ? undefined : unreachable);
}
