import { spawn } from 'node:child_process';
import { readSync, writeSync } from 'node:fs';
import { findLaunch } from './launch.js';

/** Variable by which a supervised process knows the process id of its supervisor. */
const supervisorVariable = 'DOUBLETRACK_SUPERVISOR';

/** Whether this process, which mpiexec started, should be supervised by `superviseRank` instead of being a rank itself. */
export function needsSupervisor(): boolean {
  return process.env.PMI_FD !== undefined && findLaunch(process.env) !== undefined && !isSupervised();
}

/** Whether a supervisor started this process. */
export function isSupervised(): boolean {
  return process.env[supervisorVariable] !== undefined;
}

/** Whether the supervisor still is there. */
export function isSupervisorAlive(): boolean {
  return process.ppid === Number(process.env[supervisorVariable]);
}

/** Exit code after Ctrl-C. */
const interrupted = 130;

/** How long the other ranks have to end by themselves after one is lost; mpiexec then kills them. */
const OTHERS_SECONDS = 8;

/** Place of mpiexec's socket in a supervised process, after the three standard streams. */
const socketOfChild = 3;

/**
 * Runs this same program once more as a child, which is the rank, and gives the exit code for this process. If mpiexec's own child is killed, it kills
 * all others at once, says nothing of which rank it was and returns 9. So the rank is a child of mpiexec's child: if a signal ends it, one line
 * names it, the others have the time to end by themselves, and mpiexec returns 1.
 *
 * Only for a process for which `needsSupervisor`. Source of the messages to mpiexec: PMI version 1, as in MPICH's src/pm/hydra.
 */
export function superviseRank(): Promise<number> {
  const socket = Number(process.env.PMI_FD);
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: [0, 1, 2, socket],
    env: { ...process.env, PMI_FD: String(socketOfChild), [supervisorVariable]: String(process.pid) },
  });
  // mpiexec sends them to the rank as well, which decides.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGUSR1'] as const) process.on(signal, () => undefined);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (code !== null || signal === 'SIGINT') {
        leave(socket);
        resolve(code ?? interrupted);
        return;
      }
      writeSync(2, `doubletrack: rank ${process.env.PMI_RANK} was lost: ${signal} ended its process\n`);
      // As long as the socket is open, mpiexec leaves the others alone; when it closes without a word, it kills those that are left.
      setTimeout(() => resolve(1), 1000 * OTHERS_SECONDS);
    });
  });
}

/** Tells mpiexec that the rank has ended as it should, so that it does not kill the others. */
function leave(socket: number): void {
  try {
    writeSync(socket, 'cmd=finalize\n');
    readSync(socket, new Uint8Array(64));
  } catch {
    // mpiexec has gone, or the rank has said so itself.
  }
}
