import { spawn } from 'node:child_process';
import { fstatSync, readSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { findLaunch, type Launch } from './launch.js';

/** Variable by which a supervised process knows the process id of its supervisor. */
const supervisorVariable = 'DOUBLETRACK_SUPERVISOR';

/**
 * Whether this process, which mpiexec started, should watch over the rank by `superviseRank` instead of being it. Only with MPICH's own mpiexec: Slurm's
 * socket, which comes with PMI_JOBID, speaks another language.
 */
export function needsSupervisor(): boolean {
  const { PMI_FD, PMI_JOBID } = process.env;
  return PMI_FD !== undefined && PMI_JOBID === undefined && findLaunch(process.env) !== undefined && !isSupervised();
}

function isSupervised(): boolean {
  return process.env[supervisorVariable] !== undefined;
}

/** In the process of a rank: ends all ranks if a supervisor started it and is no more, since mpiexec would not learn how the rank ends. */
export function checkSupervisor(rank: number): void {
  if (!isSupervised() || process.ppid === Number(process.env[supervisorVariable])) return;
  writeSync(2, `doubletrack: rank ${rank} was lost: the process that watched over it was killed\n`);
  const clock = new Int32Array(new SharedArrayBuffer(4));
  Atomics.wait(clock, 0, 0, PRINTING_MILLISECONDS);
  endJob(socketOfChild, 1);
  Atomics.wait(clock, 0, 0, KILLING_MILLISECONDS);
  process.kill(process.pid, 'SIGKILL');
}

/** Those by which a person, a queue or a lost terminal ends all ranks: each rank decides what it does then. */
const stopSignals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Exit codes of a rank that has stopped in good order after a signal. */
const stoppedCodes = stopSignals.map((signal) => 128 + constants.signals[signal]);

/**
 * After a rank has failed, the time that the others have to say so too. A rank may also fail because another one has just been killed, which is
 * to be told first.
 */
const FAREWELL_MILLISECONDS = 500;

/** In this time mpiexec has printed what a rank has said; when all are to end at once, it forgets what it has not. */
const PRINTING_MILLISECONDS = 200;

/** In this time mpiexec kills all ranks. */
const KILLING_MILLISECONDS = 1000;

/** A bad call is said by one rank; the others, which mpiexec ends meanwhile, would say it only if that one had not. */
const TURN_MILLISECONDS = 3000;

/**
 * When a rank says what is bad about its call: the first one at once, the first of another machine later, the others
 * last.
 */
export function speakingTurn({ rank, host }: Launch): Promise<void> {
  const turn = rank === 0 ? 0 : host.rank === 0 ? 1 : 2;
  return new Promise((resolve) => setTimeout(resolve, turn * TURN_MILLISECONDS));
}

/** Place of mpiexec's socket in a supervised process, after the three standard streams. */
const socketOfChild = 3;

/**
 * Runs this same program once more as a child, which is the rank, and gives the exit code for this process. If mpiexec's own child is killed, it kills
 * all others at once, does not say which rank it was, and returns 9; if one ends early, it kills the others and returns 0; if one ends before MPI has
 * started, the others wait for ever. So the rank is a child of mpiexec's child, which tells mpiexec how the rank has ended: if a signal ends it, one
 * line names it, all others end at once, and mpiexec returns 1; if it fails, mpiexec returns its exit code.
 *
 * `describeLoss` says how the line about a lost rank ends. Only for a process that `needsSupervisor`. Source of what is
 * said to mpiexec: PMI version 1, as in MPICH's src/pm/hydra.
 */
export async function superviseRank(describeLoss: () => Promise<string> = () => Promise.resolve('')): Promise<number> {
  const [socket, rank] = [Number(process.env.PMI_FD), process.env.PMI_RANK];
  if (!isSocket(socket)) {
    // It is so for all processes of a machine.
    if (findLaunch(process.env)?.host.rank === 0)
      writeSync(
        2,
        `doubletrack: the connection to mpiexec does not reach this process (rank ${rank}): ${withoutNpx}\n`,
      );
    return badCall;
  }
  const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1)], {
    stdio: [0, 1, 2, socket],
    env: { ...process.env, PMI_FD: String(socketOfChild), [supervisorVariable]: String(process.pid) },
  });
  // mpiexec sends them to the rank as well, which decides.
  for (const signal of [...stopSignals, 'SIGUSR1'] as const) process.on(signal, () => undefined);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      const stopped = stopSignals.find((one) => one === signal);
      const exitCode = code ?? (stopped === undefined ? 1 : 128 + constants.signals[stopped]);
      // A rank that a signal has ended at once leaves the others waiting.
      if (code === 0 || stoppedCodes.includes(code ?? 1)) {
        leaveJob(socket);
        resolve(exitCode);
        return;
      }
      const endAll = async () => {
        if (code === null && stopped === undefined)
          writeSync(2, `doubletrack: rank ${rank} was lost: ${await describeEnd(signal, describeLoss)}\n`);
        setTimeout(() => {
          endJob(socket, exitCode);
          setTimeout(() => resolve(exitCode), KILLING_MILLISECONDS);
        }, PRINTING_MILLISECONDS);
      };
      setTimeout(() => void endAll(), signal === 'SIGKILL' ? 0 : FAREWELL_MILLISECONDS);
    });
  });
}

/** What there is to say must not keep the others from ending. */
async function describeEnd(signal: NodeJS.Signals | null, describeLoss: () => Promise<string>): Promise<string> {
  const killer = signal === 'SIGKILL' ? ', as the out-of-memory killer often does' : '';
  return `${signal} ended its process${killer}${await describeLoss().catch(() => '')}`;
}

/** npx, as all of Node's programs, does not hand on what it has open to the process that it starts. */
const withoutNpx = 'leave npx out and start bin/doubletrack.js, or an installed doubletrack, by mpiexec itself';
/** Exit code of a bad call. */
const badCall = 2;

function isSocket(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isSocket();
  } catch {
    return false;
  }
}

/** Says to mpiexec that the rank has ended as it should, so that it leaves the others alone; waits for the answer. */
function leaveJob(socket: number): void {
  try {
    writeSync(socket, 'cmd=finalize\n');
    readSync(socket, new Uint8Array(64));
  } catch {
    // mpiexec has gone.
  }
}

/** Asks mpiexec to kill all ranks and to return the exit code. */
function endJob(socket: number, exitCode: number): void {
  try {
    writeSync(socket, `cmd=abort exitcode=${exitCode}\n`);
  } catch {
    // mpiexec has gone.
  }
}
