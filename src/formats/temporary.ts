import { rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';

/** What is being written, files and folders. */
const unfinished = new Set<string>();

/** By which a process is asked to end. */
const endSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Lets `write` write a file or folder at `path`, which is removed if it throws, or if a signal ends the process before
 * it is done. Throws what `write` throws.
 */
export async function withTemporary(path: string, write: () => Promise<void>): Promise<void> {
  // First of all listeners: one that is called before could take itself away, and seem never to have been there.
  if (unfinished.size === 0) for (const signal of endSignals) process.prependListener(signal, removeAndEnd);
  unfinished.add(path);
  try {
    await write();
  } catch (error) {
    await rm(path, { recursive: true, force: true });
    throw error;
  } finally {
    unfinished.delete(path);
    if (unfinished.size === 0) for (const signal of endSignals) process.removeListener(signal, removeAndEnd);
  }
}

function removeAndEnd(signal: NodeJS.Signals): void {
  // Where something else listens, as a training that is to end in good order, the process goes on.
  if (process.listenerCount(signal) > 1) return;
  for (const path of unfinished) rmSync(path, { recursive: true, force: true });
  process.removeListener(signal, removeAndEnd);
  process.kill(process.pid, signal);
}
