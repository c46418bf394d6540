import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../base/index.js';
import type { ChunkTrace } from '../simulate/index.js';
import { isGzip } from './file-tree.js';
import { escapeControls, parseJson } from './json.js';
import { isOwnTimeline, readTraceEvents } from './profiler-trace/events.js';
import { findOperations } from './profiler-trace/operations.js';
import { readFileBytes } from './read-file.js';
import { decodeUtf8 } from './utf8.js';

/** The longest trace, unpacked: that of one step of a rank has a few million bytes. */
const maxBytes = 2 ** 27;

/**
 * Reads PyTorch's profiler trace (Chrome trace events as JSON, also gzipped) of one overlapped pair of chunks, in which `record_function` marks
 * the operations as DeepSeek's published profile does: attn, dispatch, mlp and combine, each with (F), (B) or (W). Throws `InputError` for a file
 * that cannot be read, is longer than 128 MiB, or is no such trace.
 */
export function readProfilerTrace(file: string): ChunkTrace {
  const text = decodeUtf8(unpack(readFileBytes(file, { maxBytes }), file), file);
  const value = parseTrace(text, file);
  if (isOwnTimeline(value)) throw refuseOwn(file);
  return findOperations(readTraceEvents(value, file), file);
}

/**
 * PyTorch writes names as they come, with control characters in them: those are looked for when JSON refuses the text.
 */
function parseTrace(text: string, file: string): unknown {
  try {
    return parseJson(text, file);
  } catch (error) {
    const escaped = escapeControls(text, file);
    if (escaped === text) throw error;
    return parseJson(escaped, file);
  }
}

/** What a timeline of ours is for. */
function refuseOwn(file: string): InputError {
  const folder = dirname(file);
  return new InputError({
    what: 'it is a timeline that doubletrack wrote, of a run or a schedule, and no profile of a GPU',
    where: file,
    mend: existsSync(join(folder, 'step.json'))
      ? `give simulate --replay ${folder}, which predicts the run's step; to look at the file, open it in Perfetto`
      : 'to look at it, open it in Perfetto; simulate --replay RUN predicts the step of a run, simulate NAME a schedule',
  });
}

function unpack(bytes: Uint8Array, file: string): Uint8Array {
  if (!isGzip(bytes)) return bytes;
  try {
    return gunzipSync(bytes, { maxOutputLength: maxBytes });
  } catch (error) {
    throw new InputError(
      {
        what: 'it cannot be unpacked, or is longer than 128 MiB unpacked',
        where: file,
        mend: 'use a whole gzip file of one step',
      },
      { cause: error },
    );
  }
}
