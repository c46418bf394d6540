// Runs one training over MPI, on this machine or over the two namespaces, and says how it ended.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../bin/doubletrack.js', import.meta.url));

/**
 * One run of `doubletrack train`.
 *
 * @param link what `openLink` gave, or undefined for ranks on this host
 * @param settings texts `table.key=value`
 * @param folder the run's; it is made
 * @param limitSeconds after that long all of it is killed
 * @returns exitCode, isHung (it was killed), seconds, output (both streams), metrics (a record a step), sentBytes (by host, with a link)
 */
export async function runTraining({ link, ranks, config, settings, folder, limitSeconds }) {
  const values = settings.flatMap((setting) => ['--set', setting]);
  const files = config === undefined ? [] : [config];
  const command = [process.execPath, program, 'train', ...files, ...values, '--out', folder];
  const { file, parameters, env } = link?.mpiexec(ranks, command) ?? {
    file: 'mpiexec.mpich',
    parameters: ['-n', String(ranks), ...command],
    env: {},
  };
  const before = link?.sentBytes();
  const ended = await runToEnd({ file, parameters, env, limitSeconds, killAll: () => link?.killAll() });
  const sentBytes = link?.sentBytes().map((bytes, host) => bytes - before[host]);
  return { ...ended, metrics: readMetrics(folder), sentBytes };
}

/** A run of one process, for a reference; otherwise as `runTraining`. */
export async function runAlone({ config, settings, folder, limitSeconds }) {
  const values = settings.flatMap((setting) => ['--set', setting]);
  const parameters = [program, 'train', ...(config === undefined ? [] : [config]), ...values, '--out', folder];
  const ended = await runToEnd({ file: process.execPath, parameters, env: {}, limitSeconds, killAll: () => undefined });
  return { ...ended, metrics: readMetrics(folder) };
}

function runToEnd({ file, parameters, env, limitSeconds, killAll }) {
  const start = performance.now();
  // A process group of its own, which can be killed whole.
  const child = spawn(file, parameters, {
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      output += text;
    });
  }
  const kill = () => {
    killGroup(child.pid);
    killAll();
  };
  let isHung = false;
  const timer = setTimeout(() => {
    isHung = true;
    kill();
  }, 1000 * limitSeconds);
  process.on('exit', kill);
  return new Promise((resolve, reject) => {
    const settle = () => {
      clearTimeout(timer);
      process.off('exit', kill);
    };
    child.on('error', (error) => {
      settle();
      reject(error.code === 'ENOENT' ? new Error(`${file} is missing: apt install mpich`) : error);
    });
    child.on('close', (exitCode) => {
      settle();
      resolve({ exitCode, isHung, seconds: (performance.now() - start) / 1000, output });
    });
  });
}

function killGroup(id) {
  try {
    process.kill(-id, 'SIGKILL');
  } catch {
    // It has ended.
  }
}

function readMetrics(folder) {
  const file = join(folder, 'metrics.jsonl');
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line));
}
