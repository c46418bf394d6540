import { Hono } from 'hono';
import { compress } from 'hono/compress';
import { problemOf } from '../../base/index.js';
import { guardRequests } from './guard.js';
import type { PageFile } from './page-files.js';
import { createRunRoutes } from './run-routes.js';

export interface PageApp {
  /** The name or address that the server listens on. */
  readonly host: string;
  readonly files: ReadonlyMap<string, PageFile>;
  /** Folders of runs, or of folders of runs. */
  readonly roots: readonly string[];
}

/** What answers requests: the page's files, and the runs under `/api`. */
export function createApp({ host, files, roots }: PageApp): Hono {
  const app = new Hono();
  app.use(guardRequests(host));
  app.use(compress());
  app.route('/api', createRunRoutes(roots));
  app.get('*', (context) => {
    const file = files.get(context.req.path);
    if (file === undefined) return context.json({ what: 'there is nothing at this address' }, 404);
    context.header('Cache-Control', file.isLasting ? 'public, max-age=31536000, immutable' : 'no-cache');
    return context.body(file.bytes, 200, { 'Content-Type': file.type });
  });
  app.onError((error, context) => context.json(problemOf(error), 500));
  return app;
}
