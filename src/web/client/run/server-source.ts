import { InputError, type Problem } from '../../../base/index.js';
import {
  type FolderNews,
  type MetricsNews,
  pathOf,
  type RunEntry,
  type RunFileName,
  serverMark,
} from '../../view/index.js';
import { parseNews, type RunSource } from './source.js';

/** Whether the page came from a server that knows of runs, and not from a web host. */
export const isServed = document.querySelector(`meta[name="${serverMark}"]`) !== null;

const unreachable: Problem = {
  what: 'the server does not answer',
  mend: 'start doubletrack serve again; the page goes on by itself',
};

/** The runs of the server. Throws `InputError` if it does not answer. */
export async function listServerRuns(): Promise<readonly RunEntry[]> {
  const response = await ask('api/runs');
  return parseNews(await response.text(), 'api/runs');
}

async function ask(address: string): Promise<Response> {
  try {
    return await fetch(address);
  } catch (error) {
    throw new InputError(unreachable, { cause: error });
  }
}

/** A run of the server. A connection that breaks is taken up again by the browser, where it broke. */
export function createServerSource({ id, folder }: RunEntry): RunSource {
  const address = `api/runs/${encodeURIComponent(id)}`;
  return {
    id,
    folder,
    watch({ onMetrics, onFolder, onProblem }) {
      const events = new EventSource(`${address}/events`);
      const listen = <T>(name: string, use: (news: T) => void) =>
        events.addEventListener(name, ({ data }: MessageEvent<string>) => use(parseNews(data, address)));
      listen<MetricsNews>('metrics', onMetrics);
      listen<FolderNews>('folder', onFolder);
      listen<Problem>('problem', onProblem);
      events.addEventListener('open', () => onProblem(undefined));
      events.addEventListener('error', () => onProblem(unreachable));
      return () => events.close();
    },
    async read(file: RunFileName) {
      const response = await ask(`${address}/files/${pathOf(file)}`);
      if (response.status === 204) return undefined;
      if (response.ok) return await response.text();
      throw new InputError(parseNews<Problem>(await response.text(), pathOf(file)));
    },
  };
}
