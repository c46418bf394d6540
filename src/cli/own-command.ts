import { accessSync, constants, readFileSync } from 'node:fs';
import { basename, delimiter, join, relative, resolve } from 'node:path';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * How this process was started, as a person would type it again: `npx doubletrack`, `doubletrack` or `node
 * bin/doubletrack.js`.
 */
export function ownCommand(argv: readonly string[] = process.argv, environment: Environment = process.env): string {
  if (environment.npm_command === 'exec') return 'npx doubletrack';
  const script = argv[1] ?? 'doubletrack';
  const name = basename(script);
  if (name === 'doubletrack' && firstOnPath(name, environment.PATH) === script) return name;
  const near = relative(process.cwd(), script);
  return `node ${quoteWord(near.startsWith('..') ? script : near)}`;
}

/** As `ownCommand`, of all ranks: with the `mpiexec` that started this process, if one did, and with its flags. */
export function ownLaunch(ranks: number, environment: Environment = process.env): string {
  const alone = ownCommand();
  if (environment.PMI_RANK === undefined) return alone;
  return findLauncher(process.ppid, process.argv[1] ?? '') ?? `mpiexec -n ${ranks} ${alone}`;
}

/** A word as a shell reads it. */
export function quoteWord(word: string): string {
  return /^[\w@%+=:,./~-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

function firstOnPath(name: string, path = ''): string | undefined {
  return path
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** Between a rank and mpiexec are the process that watches over it and mpiexec's own. */
const mostParents = 6;

/**
 * The words of the `mpiexec` among the parents of a process, up to the script; undefined where the system does not
 * tell.
 */
function findLauncher(parent: number, script: string): string | undefined {
  let process_ = parent;
  for (let step = 0; step < mostParents && process_ > 1; step++) {
    const words = readProcess(process_, 'cmdline')?.split('\0') ?? [];
    const end = words.findIndex((word) => resolve(word) === script);
    const isLauncher = words.slice(0, 3).some((word) => /^(mpiexec|mpirun)/.test(basename(word)));
    if (isLauncher && end > 0 && !words.includes(':'))
      return words
        .slice(0, end + 1)
        .map(quoteWord)
        .join(' ');
    // After the name, which may hold anything but ends in the last parenthesis: state, parent.
    process_ = Number(/^.*\) \S (\d+)/s.exec(readProcess(process_, 'stat') ?? '')?.[1] ?? 0);
  }
  return undefined;
}

function readProcess(process_: number, what: 'cmdline' | 'stat'): string | undefined {
  try {
    return readFileSync(`/proc/${process_}/${what}`, 'utf8');
  } catch {
    return undefined;
  }
}
