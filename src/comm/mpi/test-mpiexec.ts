import { spawn, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const isMissing = spawnSync('mpiexec.mpich', ['-version']).error !== undefined;

/** Why tests over MPI are left out here; false where they run: with MPICH, or where all tests are asked for. */
export const skipMpi =
  isMissing && process.env.DOUBLETRACK_ALL_TESTS === undefined ? 'mpiexec.mpich is missing: apt install mpich' : false;

/** How a run under mpiexec ended. */
export interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
  readonly errors: string;
}

/**
 * Runs a compiled program of this folder with `ranks` ranks, and gives how it ended. Rejects if MPICH's mpiexec is missing or if the run has
 * not ended after `limitSeconds`. `onOutput` is called with each line of output, as it comes.
 */
export function runRanks(
  ranks: number,
  program: string,
  { parameters = [], limitSeconds = 600, onOutput }: RunOptions = {},
): Promise<Ended> {
  const file = fileURLToPath(new URL(program, import.meta.url));
  // By this name, since other MPIs take over `mpiexec`.
  const child = spawn('mpiexec.mpich', ['-n', String(ranks), process.execPath, file, ...parameters], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limitSeconds * 1000,
    killSignal: 'SIGKILL',
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    const before = output.lastIndexOf('\n') + 1;
    output += text;
    const whole = output.lastIndexOf('\n') + 1;
    if (onOutput && whole > before) for (const line of output.slice(before, whole - 1).split('\n')) onOutput(line);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  return new Promise((resolve, reject) => {
    child.on('error', (cause: NodeJS.ErrnoException) => {
      const missing = cause.code === 'ENOENT';
      reject(missing ? new Error('mpiexec.mpich is missing: apt install mpich', { cause }) : cause);
    });
    child.on('close', (exitCode, signal) => {
      if (signal === null) resolve({ exitCode, output, errors });
      else reject(new Error(`mpiexec was ended by ${signal}, after at most ${limitSeconds} s: ${output}${errors}`));
    });
  });
}

export interface RunOptions {
  readonly parameters?: readonly string[];
  readonly limitSeconds?: number;
  readonly onOutput?: (line: string) => void;
}
