import { gunzipSync } from 'node:zlib';
import { InputError } from '../base/index.js';
import type { ChunkTrace } from '../simulate/index.js';
import { isGzip } from './file-tree.js';
import { parseJson } from './json.js';
import { readTraceEvents } from './profiler-trace/events.js';
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
  return findOperations(readTraceEvents(parseJson(text, file), file), file);
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
