import { fork } from 'node:child_process';
import { type Problem, WorkError } from '../base/index.js';
import type { TrainingConfig } from '../config/index.js';
import type { Sample } from './race.js';

/** What a process of its own is to train. */
export interface BenchmarkRequest {
  readonly config: TrainingConfig;
  /** Timed steps at least; one goes before them and does not count. */
  readonly leastSteps: number;
  /** Then it goes on until it has run for so long, its start included. */
  readonly seconds: number;
}

export type BenchmarkReply =
  | ({ readonly kind: 'sample' } & Sample)
  | { readonly kind: 'failed'; readonly problem: Problem };

/**
 * Trains some steps in a process of its own, which leaves nothing behind and whose peak memory is that of these steps alone. Throws `WorkError` with what went wrong there;
 * `signal` ends it at once, with an `AbortError`.
 */
export function benchmarkInProcess(request: BenchmarkRequest, signal?: AbortSignal): Promise<Sample> {
  return new Promise((resolve, reject) => {
    const child = fork(new URL('./benchmark-child.js', import.meta.url), {
      serialization: 'advanced',
      // Standard output is for results.
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      killSignal: 'SIGKILL',
      ...(signal === undefined ? {} : { signal }),
    });
    child.once('message', (reply: BenchmarkReply) => {
      if (reply.kind === 'sample') resolve(reply);
      else reject(new WorkError(reply.problem));
    });
    child.once('error', reject);
    child.once('exit', (code, killed) =>
      reject(
        new WorkError({
          what: `the process that measures ended ${killed === null ? `with code ${code}` : `by ${killed}`}`,
          mend: 'see whether the machine ran out of memory',
        }),
      ),
    );
    child.send(request);
  });
}
