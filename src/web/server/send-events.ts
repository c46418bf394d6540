import { setImmediate as nextTurn, setTimeout as wait } from 'node:timers/promises';
import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { Problem } from '../../base/index.js';
import type { RunEvent, RunPosition } from '../view/index.js';
import { listRuns } from './run-folders.js';
import { type RunLook, type RunWatch, watchRun } from './watch-run.js';

/** How often runs are looked at, and how long a quiet connection goes without a sign of life. */
const lookMilliseconds = 300;
const aliveMilliseconds = 10_000;
/** The most runs that one connection hears of. */
const mostRuns = 16;

const noRun: Problem = { what: 'there is no such run', mend: 'choose another' };

/** A run that a connection hears of; without a watch as long as there is no such run. */
interface Heard extends RunPosition {
  watch: RunWatch | undefined;
  /** The run was said to be missing. */
  isMissed: boolean;
}

/**
 * Tells what the runs that the query names hold, and then what comes, as server-sent events that carry a `RunEvent`; `alive` is a sign of life. All runs of a page share a connection, of which
 * browsers allow a server only six.
 */
export function sendEvents(context: Context, roots: readonly string[]): Response {
  const positions = readPositions(context);
  return streamSSE(context, async (stream) => {
    const stop = new AbortController();
    stream.onAbort(() => stop.abort());
    const heard = positions.map((position): Heard => ({ ...position, watch: undefined, isMissed: false }));
    let spoke = performance.now();
    while (!stream.aborted) {
      findMissing(heard, roots);
      const { isSaid, hasMore } = await tellNews(stream, heard);
      const isQuiet = !isSaid && performance.now() - spoke > aliveMilliseconds;
      if (isQuiet) await stream.writeSSE({ event: 'alive', data: '' });
      if (isSaid || isQuiet) spoke = performance.now();
      await wait(hasMore ? 0 : lookMilliseconds, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  });
}

function readPositions(context: Context): readonly RunPosition[] {
  const cursors = context.req.queries('from') ?? [];
  const runs = context.req.queries('run') ?? [];
  return runs.slice(0, mostRuns).map((run, place) => ({ run, cursor: cursors[place] ?? '' }));
}

/** A run may come later than who watches it. */
function findMissing(heard: readonly Heard[], roots: readonly string[]): void {
  if (heard.every(({ watch }) => watch !== undefined)) return;
  const { runs } = listRuns(roots, { named: heard.map(({ run }) => run) });
  for (const one of heard) {
    const found = one.watch === undefined ? runs.find(({ id }) => id === one.run) : undefined;
    if (found !== undefined) one.watch = watchRun(found, one.cursor);
  }
}

let turns = Promise.resolve();

/** Looks come one after another, with room for requests between them, however many connections there are. */
async function takeTurn(): Promise<void> {
  turns = turns.then(async () => await nextTurn());
  await turns;
}

async function tellNews(
  stream: SSEStreamingApi,
  heard: readonly Heard[],
): Promise<{ isSaid: boolean; hasMore: boolean }> {
  let [isSaid, hasMore] = [false, false];
  for (const one of heard) {
    await takeTurn();
    if (stream.aborted) break;
    const look: RunLook | undefined = one.watch?.look();
    if (look !== undefined) {
      if (one.isMissed || look.problem !== undefined)
        await tell(stream, 'problem', { run: one.run, news: look.problem ?? null });
      if (look.metrics !== undefined)
        await tell(stream, 'metrics', { run: one.run, news: look.metrics, cursor: look.cursor });
      if (look.folder !== undefined) await tell(stream, 'folder', { run: one.run, news: look.folder });
      isSaid ||= (look.metrics ?? look.folder ?? look.problem) !== undefined;
      hasMore ||= look.metrics?.hasMore === true;
    } else if (!one.isMissed) await tell(stream, 'problem', { run: one.run, news: noRun });
    one.isMissed = look === undefined;
  }
  return { isSaid, hasMore };
}

async function tell(stream: SSEStreamingApi, event: string, said: RunEvent<unknown>): Promise<void> {
  await stream.writeSSE({ event, data: JSON.stringify(said) });
}
