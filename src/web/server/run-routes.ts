import { Hono } from 'hono';
import { DoubletrackError } from '../../base/index.js';
import { fileAt, type RunListing } from '../view/index.js';
import { openRunFile } from './run-files.js';
import { findRun, listRuns } from './run-folders.js';
import { sendEvents } from './send-events.js';

/** The most runs that a question may name. */
const mostNamed = 16;

/**
 * What the page asks about runs: `/runs` lists them, `/runs/ID/files/PATH` gives a file that `fileAt` knows, and `/events` tells what runs hold and what comes (`sendEvents`). A
 * file that is gone by now is no error: 204.
 */
export function createRunRoutes(roots: readonly string[]): Hono {
  const routes = new Hono();
  routes.get('/runs', (context) => {
    const { filter, run = [] } = context.req.queries();
    const { runs, leftOut } = listRuns(roots, { filter: filter?.[0] ?? '', named: run.slice(0, mostNamed) });
    const listing: RunListing = { runs: runs.map(({ id, folder }) => ({ id, folder })), leftOut };
    return context.json(listing);
  });
  routes.get('/events', (context) => sendEvents(context, roots));
  routes.get('/runs/:id/files/:path{.+}', (context) => {
    const run = findRun(roots, context.req.param('id'));
    const file = fileAt(context.req.param('path'));
    if (run === undefined || file === undefined) return context.json({ what: 'there is no such run or file' }, 404);
    try {
      const opened = openRunFile(run, file);
      context.header('Cache-Control', 'no-store');
      if (opened === undefined) return context.body(null, 204);
      context.header('Content-Type', 'text/plain; charset=utf-8');
      context.header('Content-Length', String(opened.bytes));
      return context.body(opened.stream);
    } catch (error) {
      if (error instanceof DoubletrackError) return context.json(error.problem, 422);
      throw error;
    }
  });
  return routes;
}
