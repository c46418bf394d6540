import { setTimeout as wait } from 'node:timers/promises';
import { type Context, Hono } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import { DoubletrackError, problemOf } from '../../base/index.js';
import { fileAt } from '../view/index.js';
import { readRunFile } from './run-files.js';
import { listRuns, type RunFolder } from './run-folders.js';
import { type RunWatch, watchRun } from './watch-run.js';

/** How often a run is looked at, and how long a quiet connection goes without a sign of life. */
const lookMilliseconds = 300;
const aliveMilliseconds = 10_000;

/**
 * What the page asks about runs: `/` lists them, `/ID/events` tells what a run's metrics and folder hold and what comes, as server-sent events `metrics` (`MetricsNews`), `folder`
 * (`FolderNews`) and `problem` (`Problem`), `/ID/files/PATH` gives a file that `fileAt` knows. A file that is gone by now is no error: 204.
 */
export function createRunRoutes(roots: readonly string[]): Hono {
  const routes = new Hono();
  const find = (id: string) => listRuns(roots).find((run) => run.id === id);
  routes.get('/', (context) => context.json(listRuns(roots).map(({ id, folder }) => ({ id, folder }))));
  routes.get('/:id/events', (context) => {
    const run = find(context.req.param('id'));
    return run === undefined ? refuse(context) : sendEvents(context, run);
  });
  routes.get('/:id/files/:path{.+}', (context) => {
    const run = find(context.req.param('id'));
    const file = fileAt(context.req.param('path'));
    if (run === undefined || file === undefined) return refuse(context);
    try {
      const bytes = readRunFile(run, file);
      context.header('Cache-Control', 'no-store');
      return bytes === undefined
        ? context.body(null, 204)
        : context.body(bytes, 200, { 'Content-Type': 'text/plain; charset=utf-8' });
    } catch (error) {
      if (error instanceof DoubletrackError) return context.json(error.problem, 422);
      throw error;
    }
  });
  return routes;
}

function refuse(context: Context): Response {
  return context.json({ what: 'there is no such run or file' }, 404);
}

function sendEvents(context: Context, run: RunFolder): Response {
  const watch = watchRun(run, context.req.header('Last-Event-ID'));
  return streamSSE(context, async (stream) => {
    const stop = new AbortController();
    stream.onAbort(() => stop.abort());
    let spoke = performance.now();
    while (!stream.aborted) {
      const { isSaid, hasMore } = await tellNews(stream, watch);
      if (isSaid) spoke = performance.now();
      else if (performance.now() - spoke > aliveMilliseconds) {
        await stream.write(': still here\n\n');
        spoke = performance.now();
      }
      if (!hasMore) await wait(lookMilliseconds, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  });
}

async function tellNews(stream: SSEStreamingApi, watch: RunWatch): Promise<{ isSaid: boolean; hasMore: boolean }> {
  try {
    const metrics = watch.metrics();
    const folder = watch.folder();
    if (metrics !== undefined)
      await stream.writeSSE({ event: 'metrics', id: watch.cursor(), data: JSON.stringify(metrics) });
    if (folder !== undefined) await stream.writeSSE({ event: 'folder', data: JSON.stringify(folder) });
    return { isSaid: metrics !== undefined || folder !== undefined, hasMore: metrics?.hasMore === true };
  } catch (error) {
    await stream.writeSSE({ event: 'problem', data: JSON.stringify(problemOf(error)) });
    return { isSaid: true, hasMore: false };
  }
}
