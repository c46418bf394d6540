import example from '../../../../examples/loads.json?raw';
import { formatBytes, InputError, problemOf } from '../../../base/index.js';
import { createMemoryTree, type RecordedLoads, readPlacementFrom } from '../../../formats/browser.js';
import { type CurrentPlacement, findFacts, placeLoads, problemOnPage, readLoadsAt } from '../../view/index.js';
import type { DroppedFile } from '../ui/index.js';
import type { LoadsSource, PlacementAnswer, PlacementOrder } from './messages.js';

/** All are held in memory, as bytes and as what is read of them. */
const mostBytes = 2 ** 30;
/** Often enough to see that it goes on. */
const progressMilliseconds = 50;

const answer = (message: PlacementAnswer) => postMessage(message);

/** What was read last, so that another setting does not read it again. */
let known: { readonly key: string; readonly recorded: RecordedLoads } | undefined;

addEventListener('message', ({ data }: MessageEvent<PlacementOrder>) => {
  run(data).catch((error: unknown) => answer({ kind: 'problem', problem: problemOnPage(problemOf(error)) }));
});

async function run({ source, current, read, settings }: PlacementOrder): Promise<void> {
  const recorded = await readLoads(source, read);
  const now = current && (await readCurrent(current, recorded.loads.experts));
  answer({ kind: 'read', facts: findFacts(recorded, now?.read) });
  if (settings === undefined) return;
  const watch = { now: () => performance.now(), onLayer: createProgress() };
  answer({ kind: 'placed', placed: placeLoads(recorded, now, settings, watch) });
}

async function readLoads(source: LoadsSource, read: PlacementOrder['read']): Promise<RecordedLoads> {
  const key = JSON.stringify([source.id, source.path, read]);
  if (known?.key === key) return known.recorded;
  known = undefined;
  const files = source.files.length === 0 ? [readExample(source.path)] : await readFiles(source.files);
  const recorded = readLoadsAt(createMemoryTree(files), source.path, read);
  known = { key, recorded };
  return recorded;
}

function readExample(path: string) {
  return { path, bytes: new TextEncoder().encode(example) };
}

async function readFiles(files: readonly DroppedFile[]) {
  const bytes = files.reduce((sum, { file }) => sum + file.size, 0);
  if (bytes > mostBytes)
    throw new InputError({
      what: `these are ${formatBytes(bytes)}, more than ${formatBytes(mostBytes)}`,
      mend: 'give fewer or smaller files, or use doubletrack balance',
    });
  return await Promise.all(
    files.map(async ({ path, file }) => ({ path, bytes: new Uint8Array(await readBytes(file, path)) })),
  );
}

/** The browser says in its own words where a file went or changed since it was given. */
async function readBytes(file: File, where: string): Promise<ArrayBuffer> {
  try {
    return await file.arrayBuffer();
  } catch (cause) {
    throw new InputError({ what: 'it cannot be read any more', where, mend: 'give it again' }, { cause });
  }
}

async function readCurrent(current: DroppedFile, experts: number): Promise<CurrentPlacement> {
  const { path } = current;
  return { name: path, read: readPlacementFrom(createMemoryTree(await readFiles([current])), path, { experts }) };
}

function createProgress(): (done: number, layers: number, search: number, searches: number) => void {
  let last = Number.NEGATIVE_INFINITY;
  return (done, layers, search, searches) => {
    const now = performance.now();
    if (now - last < progressMilliseconds) return;
    last = now;
    answer({ kind: 'progress', done: (search - 1) * layers + done, layers: searches * layers });
  };
}
