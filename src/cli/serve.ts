import type { Command } from 'commander';
import { type PageServer, servePage } from '../web/index.js';
import { Interrupted } from './interrupted.js';
import { parseNumber } from './numbers.js';

interface ServeFlags {
  readonly host: string;
  readonly port: number;
}

/** `doubletrack serve`: the page. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('Serve a page that shows runs, schedules, placements and plans.')
    .option(
      '--host <address>',
      'address to listen on; others than loopback are reached from other machines',
      '127.0.0.1',
    )
    .option(
      '--port <number>',
      'port to listen on; 0 is any that is free',
      parseNumber('--port', { from: 0, to: 65_535, whole: true }),
      0,
    )
    .addHelpText('after', '\nExample:\n  doubletrack serve --port 8080')
    .action(async ({ host, port }: ServeFlags) => {
      const server = await servePage({ host, port });
      process.stdout.write(`${server.address}\n`);
      await serveUntilInterrupted(server);
    });
}

async function serveUntilInterrupted(server: PageServer): Promise<never> {
  await new Promise<void>((resolve) => {
    process.once('SIGINT', resolve);
    process.once('SIGTERM', resolve);
  });
  await server.close();
  throw new Interrupted();
}
