import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ownLaunch, quoteWord } from './own-command.js';

// Of a process that only watches over a rank no more than this and `own-command` is loaded.

/** The command that goes on with a run, of `ranks` ranks. */
export function resumeCommand(folder: string, ranks: number, flags = ''): string {
  return `${ownLaunch(ranks)} train --resume ${quoteWord(folder)}${flags}`;
}

/** The step of the last checkpoint in a run's folder; undefined if there is none. */
export function lastSavedStep(folder: string): number | undefined {
  const steps = listNames(join(folder, 'checkpoints'))
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  return steps.length === 0 ? undefined : Math.max(...steps);
}

/** The processes of a run start within so many seconds. */
const startSeconds = 10;

/**
 * What to say of a run when a rank is lost, as the end of a sentence about it: its last checkpoint, and how to go on.
 * `argv` is that of the call, which began at `started`. Empty for another command than `train`.
 */
export function describeLostRun(argv: readonly string[], started: Date): string {
  const [, , command] = argv;
  if (command !== 'train') return '';
  const folder = flagValue(argv, '--resume') ?? flagValue(argv, '--out') ?? findDefault(started);
  if (folder === undefined) return ': go on with train --resume and the run that the first line names';
  const step = lastSavedStep(folder);
  const resume = resumeCommand(folder, Number(process.env.PMI_SIZE ?? 1));
  return step === undefined
    ? ` (${folder}, no checkpoint yet): begin again with ${resume}`
    : ` (${folder}, last checkpoint: step ${step}): go on with ${resume}`;
}

function flagValue(argv: readonly string[], flag: string): string | undefined {
  const at = argv.findIndex((word) => word === flag || word.startsWith(`${flag}=`));
  if (at < 0) return undefined;
  return argv[at] === flag ? argv[at + 1] : argv[at].slice(flag.length + 1);
}

/** The run that was begun about when this process was; undefined if there are several. */
function findDefault(started: Date): string | undefined {
  const near = listNames('runs').filter((name) => {
    const match = /^(\d{4}-\d\d-\d\d)T(\d\d)-(\d\d)-(\d\d)(?:-\d+)?$/.exec(name);
    const time = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}:${match[3]}:${match[4]}Z`);
    return Math.abs(time - started.getTime()) <= 1000 * startSeconds;
  });
  return near.length === 1 ? join('runs', near[0]) : undefined;
}

function listNames(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
