import { isIP } from 'node:net';
import { hostname } from 'node:os';
import type { MiddlewareHandler } from 'hono';
import { createMiddleware } from 'hono/factory';

const loopbackNames = ['localhost', '127.0.0.1', '::1'];

/**
 * Whether a Host header names this server: loopback, an address (a name that somebody else's DNS leads here is none), the name that it listens on, or the
 * machine's. Without this a page of another site could read runs through a name of its own that it lets point here (DNS rebinding).
 */
export function isOwnHost(header: string | undefined, listensOn: string): boolean {
  if (header === undefined) return false;
  const [, name] = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::\d{1,5})?$/i.exec(header) ?? [];
  if (name === undefined) return false;
  const bare = name.replace(/^\[|\]$/g, '').toLowerCase();
  return isIP(bare) !== 0 || [...loopbackNames, listensOn.toLowerCase(), hostname().toLowerCase()].includes(bare);
}

/**
 * Whether the page itself asks, or somebody who is no page. What another site's page asks for it could not read, but this server would work for it, and how long that takes tells
 * something.
 */
function isOwnSite(site: string | undefined): boolean {
  return site === undefined || site === 'same-origin' || site === 'none';
}

/** Refuses what is not for this server, and whatever would change anything: the page only reads. */
export function guardRequests(listensOn: string): MiddlewareHandler {
  return createMiddleware(async (context, next) => {
    if (!isOwnHost(context.req.header('host'), listensOn))
      return context.json({ what: 'this server does not go by that name', mend: 'use the address it printed' }, 421);
    const { method, path } = context.req;
    if (method !== 'GET' && (method !== 'HEAD' || path.startsWith('/api/')))
      return context.json({ what: `${method} is not taken`, mend: 'the page only reads' }, 405, { Allow: 'GET' });
    if (path.startsWith('/api/') && !isOwnSite(context.req.header('sec-fetch-site')))
      return context.json({ what: 'this is for the page alone' }, 403);
    await next();
    context.header('X-Content-Type-Options', 'nosniff');
    context.header('Referrer-Policy', 'no-referrer');
    context.header('Cross-Origin-Resource-Policy', 'same-origin');
    context.header('Cross-Origin-Opener-Policy', 'same-origin');
    context.header('Content-Security-Policy', "frame-ancestors 'none'");
    return undefined;
  });
}
