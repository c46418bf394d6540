import { once } from 'node:events';
import { type Command, Option } from 'commander';
import type { PageServer } from '../web/index.js';
import { createStop } from './interrupted.js';
import { parseNumber } from './numbers.js';

interface ServeFlags {
  readonly run: readonly string[];
  readonly host: string;
  readonly port: number;
  readonly json?: boolean;
}

/** Where `doubletrack train` puts runs. */
const defaultRuns = 'runs';

/** `doubletrack serve`: the page. */
export function addServeCommand(program: Command): void {
  program
    .command('serve')
    .description('Serve a page that shows runs, schedules, placements and plans.')
    .addOption(
      new Option('--run <folder>', 'a run, or a folder of runs, to show; may be repeated')
        .argParser((folder, all: readonly string[]) => [...all, folder])
        .default([], defaultRuns),
    )
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
    .option('--json', 'print the address as JSON')
    .addHelpText('after', '\nExample:\n  doubletrack serve --run runs --port 8080')
    .action(async ({ run, host, port, json = false }: ServeFlags) => {
      // Only here, as Node's HTTP client comes with it, which reserves 10 GiB of addresses.
      const { requireFolders, servePage } = await import('../web/index.js');
      requireFolders(run);
      // The default need not be there yet: the first training makes it.
      const server = await servePage({ host, port, runs: run.length === 0 ? [defaultRuns] : run });
      const { address } = server;
      process.stdout.write(json ? `${JSON.stringify({ address })}\n` : `${address}\n`);
      if (process.stdout.isTTY === true) process.stderr.write('open it in a browser; Ctrl-C ends it\n');
      await serveUntilInterrupted(server);
    });
}

async function serveUntilInterrupted(server: PageServer): Promise<never> {
  const stop = createStop(() => undefined);
  stop.listen();
  await once(stop.signal, 'abort');
  await server.close();
  throw stop.interruption();
}
