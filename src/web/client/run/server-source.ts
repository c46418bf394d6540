import { InputError, type Problem } from '../../../base/index.js';
import { pathOf, type RunEntry, type RunFileName, type RunListing, serverMark } from '../../view/index.js';
import { unreachable, watchServerRun } from './server-events.js';
import { parseNews, type RunSource } from './source.js';

/** Whether the page came from a server that knows of runs, and not from a web host. */
export const isServed = document.querySelector(`meta[name="${serverMark}"]`) !== null;

/**
 * The runs of the server whose names pass a filter, and those that are named. Throws `InputError` if it does not
 * answer.
 */
export async function listServerRuns(filter: string, named: readonly string[]): Promise<RunListing> {
  const query = new URLSearchParams([
    ...(filter === '' ? [] : [['filter', filter]]),
    ...named.map((id) => ['run', id]),
  ]);
  const response = await ask(`api/runs?${query.toString()}`);
  const text = await response.text();
  if (response.ok) return parseNews(text, 'api/runs');
  throw new InputError(parseNews<Problem>(text, 'api/runs'));
}

async function ask(address: string): Promise<Response> {
  try {
    return await fetch(address);
  } catch (error) {
    throw new InputError(unreachable, { cause: error });
  }
}

/** A run of the server. */
export function createServerSource({ id, folder }: RunEntry): RunSource {
  return {
    id,
    folder,
    watch: (listener) => watchServerRun(id, listener),
    async read(file: RunFileName) {
      const response = await ask(`api/runs/${encodeURIComponent(id)}/files/${pathOf(file)}`);
      if (response.status === 204) return undefined;
      if (response.ok) return await response.text();
      throw new InputError(parseNews<Problem>(await response.text(), pathOf(file)));
    },
  };
}
