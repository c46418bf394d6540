import { type Dirent, existsSync, readdirSync, statSync } from 'node:fs';
import { join, parse, resolve, sep } from 'node:path';
import { InputError } from '../base/index.js';
import { expandBraces, isPattern, matcherOf, splitAtCommas } from './glob.js';
import { fileError } from './read-file.js';

/** Limits of what one entry stands for: a folder that somebody named by mistake must not be walked for minutes. */
const mostFiles = 4096;
const mostLooked = 200_000;

/**
 * The files that a list of texts stands for, absolute. An entry is a file, a folder (all files in it and below), a
 * pattern (`texts/*.txt`, `**` for folders however deep, `?`, `[a-c]`, `{md,txt}`), or several of these with commas
 * between. What a folder or a pattern stands for is sorted by path, without hidden and empty files; links to folders
 * are not followed. A name that is there is that file, whatever letters it has. Relative entries are relative to
 * `folder`. Throws `InputError` for a folder or pattern without files, or with more than 4096.
 */
export function findTextFiles(entries: readonly string[], folder: string): string[] {
  return entries.flatMap((entry) => {
    const path = resolve(folder, entry);
    const parts = existsSync(path) ? [entry] : splitAtCommas(entry);
    return parts.length > 1 ? findTextFiles(parts, folder) : findEntry(resolve(folder, parts[0] ?? entry));
  });
}

function findEntry(path: string): string[] {
  if (existsSync(path)) return statSync(path).isDirectory() ? findBelow(path) : [path];
  // A name that is not there is for its reader to refuse.
  return isPattern(path) ? findMatches(path) : [path];
}

function findBelow(folder: string): string[] {
  const walk = openWalk(folder);
  walk.collect(folder, ['**', '*']);
  return walk.end('there is no text in the folder', 'name a folder with text files, or a file');
}

function findMatches(pattern: string): string[] {
  const { root } = parse(pattern);
  const walk = openWalk(pattern);
  for (const one of expandBraces(pattern) ?? walk.refuse('it stands for more than 256 patterns')) {
    const parts = one.slice(root.length).split(sep);
    const plain = parts.findIndex((part) => part === '**' || isPattern(part));
    if (plain < 0) {
      if (existsSync(one)) walk.collect(parse(one).dir, [parse(one).base]);
    } else walk.collect(join(root, ...parts.slice(0, plain)), withoutRepeats(parts.slice(plain)));
  }
  return walk.end('no file with text matches', 'check the pattern');
}

/** A last `**` stands for the files below, and of several in a row one does the work of all. */
function withoutRepeats(parts: readonly string[]): string[] {
  const whole = parts.at(-1) === '**' ? [...parts, '*'] : parts;
  return whole.filter((part, index) => part !== '**' || whole[index + 1] !== '**');
}

/** Looks for the files that one entry stands for; `where` names it in errors. */
function openWalk(where: string) {
  const found = new Set<string>();
  let looked = 0;
  const refuse = (what: string): never => {
    throw new InputError({ what, where, mend: 'name fewer files, or put them together' });
  };
  const list = (folder: string): Dirent[] => {
    const children = readFolder(folder);
    looked += children.length + 1;
    if (looked > mostLooked) refuse(`there are more than ${mostLooked} files and folders to look at`);
    return children;
  };
  const add = (path: string) => {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat?.isFile() === true && stat.size > 0) found.add(path);
    if (found.size > mostFiles) refuse(`it stands for more than ${mostFiles} files`);
  };
  const collect = (folder: string, parts: readonly string[]): void => {
    const [part, ...rest] = parts;
    const isDeep = part === '**';
    const fits = matcherOf(isDeep ? '*' : part);
    if (isDeep) collect(folder, rest);
    for (const child of list(folder)) {
      const path = join(folder, child.name);
      if (!fits(child.name)) continue;
      if (rest.length === 0) add(path);
      else if (child.isDirectory() || (!isDeep && isFolder(path))) collect(path, isDeep ? parts : rest);
    }
  };
  const end = (what: string, mend: string): string[] => {
    if (found.size === 0) throw new InputError({ what, where, mend });
    return [...found].sort((a, b) => (a < b ? -1 : 1));
  };
  return { collect, end, refuse };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Nothing where there is no folder. Throws as `readFileBytes` for one that cannot be read. */
function readFolder(path: string): Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return [];
    throw fileError(error, path, 'read');
  }
}
