import { closeSync, constants, createReadStream, existsSync, fstatSync, openSync, statSync, writeSync } from 'node:fs';
import {
  asTable,
  fileError,
  readMetricsLine,
  requireStored,
  type StepMetrics,
  writeFileWhole,
} from '../formats/index.js';
import { runPaths } from './run-paths.js';

/** The metrics of a run, open to be added to until they are closed. */
export interface MetricsFile {
  /** The last step beyond the one that the run goes on from of which there was a line; undefined if there was none. */
  readonly cutTo: number | undefined;
  /**
   * Adds the line of a step. Gives what a person should know: if the file was removed while the run went on it is
   * written again, and of one that was cut short by somebody else steps are missing.
   * Throws as `fileError`.
   */
  add(metrics: StepMetrics): Promise<string | undefined>;
  close(): void;
}

/**
 * Starts the metrics of a run folder: keeps the lines up to step `keepUntil` (0: none) as they are, whichever version
 * wrote them, so that a resumed run continues its own curve. `onKept` is told of those that are metrics of this
 * version. However long the file is, it is read piece by piece; lines that were cut short, or hold no step, are left
 * out. Throws as `writeFileWhole`.
 */
export async function startMetrics(
  folder: string,
  keepUntil: number,
  onKept: (metrics: StepMetrics) => void = () => undefined,
): Promise<MetricsFile> {
  const path = runPaths(folder).metrics;
  let cutTo: number | undefined;
  async function* keepLines(): AsyncGenerator<string> {
    if (!existsSync(path)) return;
    requireStored(path);
    for await (const line of readLines(createReadStream(path))) {
      const value = parseLine(line);
      const step = stepOf(value);
      if (step > keepUntil) cutTo = Math.max(step, cutTo ?? 0);
      if (!(step <= keepUntil)) continue;
      const metrics = readMetricsLine(value);
      if (metrics !== undefined) onKept(metrics);
      yield `${line}\n`;
    }
  }
  await writeFileWhole(path, joinPieces(keepLines()));
  return openMetrics(path, cutTo);
}

const PIECE_CHARACTERS = 2 ** 20;

/** Few long texts of many short ones. */
async function* joinPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = '';
  for await (const line of lines) {
    piece += line;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = '';
  }
  yield piece;
}

/** No line of metrics is longer; what is, is no line. */
const MOST_LINE_BYTES = 2 ** 20;
const LINE_END = 10;

/** Lines of UTF-8 without their ends; a byte that is none makes its line another text, and no other. */
async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = Buffer.alloc(0);
  for await (const chunk of chunks) {
    const bytes = Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = bytes.indexOf(LINE_END); end >= 0; end = bytes.indexOf(LINE_END, start)) {
      yield bytes.toString('utf8', start, end);
      start = end + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > MOST_LINE_BYTES) rest = rest.subarray(0, MOST_LINE_BYTES);
  }
  yield rest.toString('utf8');
}

/** The value of a line; undefined for one that was cut short by a crash. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

/** NaN of what is no line of metrics. */
function stepOf(value: unknown): number {
  return Number(asTable(value).step);
}

function openMetrics(path: string, cutTo: number | undefined): MetricsFile {
  // Never made anew: a file that somebody removed is to be noticed.
  let file = openToAdd(path);
  let bytes = fstatSync(file).size;
  /** Writes what was written so far into a new file, if the one that is open has lost its name. */
  const restore = async (): Promise<string | undefined> => {
    if (isSameFile(path, file)) return undefined;
    const content = createReadStream('', { fd: file, start: 0, autoClose: false });
    await writeFileWhole(path, content as AsyncIterable<Buffer>);
    closeSync(file);
    file = openToAdd(path);
    return 'metrics.jsonl was removed while the run went on: it is written again, with all steps';
  };
  return {
    cutTo,
    async add(metrics) {
      try {
        const note = await restore();
        const isShorter = fstatSync(file).size < bytes;
        const line = Buffer.from(`${JSON.stringify(metrics)}\n`);
        for (let done = 0; done < line.length; ) done += writeSync(file, line, done);
        bytes = fstatSync(file).size;
        return isShorter
          ? `metrics.jsonl was cut short while the run went on: steps before ${metrics.step} are missing in it`
          : note;
      } catch (error) {
        throw fileError(error, path, 'write');
      }
    },
    close: () => closeSync(file),
  };
}

function openToAdd(path: string): number {
  try {
    return openSync(path, constants.O_RDWR | constants.O_APPEND);
  } catch (error) {
    throw fileError(error, path, 'write');
  }
}

function isSameFile(path: string, file: number): boolean {
  const [there, open] = [statSync(path, { throwIfNoEntry: false }), fstatSync(file)];
  return there !== undefined && there.ino === open.ino && there.dev === open.dev;
}
