#!/usr/bin/env node
import { readFileSync } from 'node:fs';

const started = new Date();

/** Threads without which Node's file system ends the process without a word, the shell's included. */
const LEAST_THREADS = 13;

/** The limit on the threads of all programs of this user, where Linux sets one. */
function readThreadLimit() {
  try {
    if (process.getuid() === 0) return Number.POSITIVE_INFINITY;
    return Number(/^Max processes +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity);
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

/** Of a process that only watches over a rank the rest of the program is not loaded. */
async function run() {
  const threads = readThreadLimit();
  if (threads < LEAST_THREADS) throw Object.assign(new Error(`${threads} threads are allowed`), { code: 'EAGAIN' });
  const { needsSupervisor, superviseRank } = await import('../dist/src/comm/index.js');
  if (needsSupervisor()) {
    const describeLoss = async () => (await import('../dist/src/cli/go-on.js')).describeLostRun(process.argv, started);
    return superviseRank(describeLoss);
  }
  const { main } = await import('../dist/src/cli/index.js');
  return main(process.argv);
}

const mends = {
  EAGAIN: 'allow more (ulimit -u 4096)',
  EMFILE: 'allow more open files (ulimit -n 1024)',
  ENFILE: 'end other programs, as the machine has too many open files',
  ERR_MODULE_NOT_FOUND: 'run npm ci in its folder, which installs what it needs and builds it',
};

try {
  process.exitCode = await run();
} catch (error) {
  // Commands tell their own errors; this one has kept the program from being loaded.
  const [reason] = String(error?.message ?? error).split('\n');
  const mend = mends[error?.code] ?? 'allow more memory (ulimit -v), or install it anew';
  process.stderr.write(`doubletrack: the program cannot be loaded: ${reason}: ${mend}\n`);
  if (process.argv.includes('--verbose')) process.stderr.write(`${error?.stack}\n`);
  process.exitCode = 1;
}
