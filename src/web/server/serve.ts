import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { errorCode, InputError } from '../../base/index.js';
import { createApp } from './app.js';
import { readPageFiles } from './page-files.js';

export interface ServeOptions {
  /** Default: 127.0.0.1, which no other machine reaches. */
  readonly host?: string;
  /** 0 takes any that is free. */
  readonly port: number;
  /** Folders of runs, or of folders of runs. Default: none. */
  readonly runs?: readonly string[];
}

/** The page, being served. */
export interface PageServer {
  /** `http://127.0.0.1:41234/` */
  readonly address: string;
  /** Ends it, with the connections that are open. */
  close(): Promise<void>;
}

/** Serves the page. Throws `InputError` if the page is not built, or host and port cannot be listened on. */
export async function servePage({ host = '127.0.0.1', port, runs = [] }: ServeOptions): Promise<PageServer> {
  const app = createApp({ host, files: readPageFiles(), roots: runs });
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw explainListen(error, host, port);
  }
  const bound = server.address() as AddressInfo;
  const name = bound.family === 'IPv6' ? `[${bound.address}]` : bound.address;
  return {
    address: `http://${name}:${bound.port}/`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function explainListen(error: unknown, host: string, port: number): unknown {
  const code = errorCode(error);
  const where = `${host}, port ${port}`;
  const known: Readonly<Record<string, { what: string; mend: string }>> = {
    EADDRINUSE: { what: 'the port is taken', mend: 'use another --port, or 0 for any that is free' },
    EACCES: { what: 'the port may not be listened on', mend: 'use a --port above 1023, or 0' },
    EADDRNOTAVAIL: { what: 'this machine does not have that address', mend: 'use another --host' },
    ENOTFOUND: { what: 'the host is not known', mend: 'use another --host' },
  };
  const problem = known[code ?? ''];
  return problem === undefined ? error : new InputError({ ...problem, where }, { cause: error });
}
