import type { Problem } from '../../../base/index.js';

/** What a flag of the command line is called here; a flag with its value before the flag alone. */
const words: readonly (readonly [flag: RegExp, words: string])[] = [
  [/, or give a number for each GPU/g, ''],
  [/--slots (\d+)/g, '$1 slots'],
  [/--gpus (\d+)/g, '$1 GPUs'],
  [/use --gpu-slots [\d,]+/g, 'give one with as many slots on each GPU'],
  [/say with --layer-offset which is/g, 'say under "First layer with experts" which is'],
  [/leave out --layer-offset/g, 'leave "First layer with experts" empty'],
  [/--layer-offset (\d+)/g, '"First layer with experts" $1'],
  [/ --experts (\d+)/g, ' "Experts" $1'],
  [/--trim-warmup leaves them out/g, '"Leave out warm-up" does without them'],
  [/--policy best/g, 'our search'],
  [/ \(--strategy global\)/g, ', with the strategy "across nodes"'],
  [/(name the part of the file that holds the loads), as (?:'[^']*#([^']+)'|\S+?#(\S+))/g, '$1, such as $2$3'],
  [/ \(--experts E if there are more\)/g, ''],
  [/or write it as json/g, 'or take the format json'],
];

/** A sentence of code that the command line shares, in the words of the page where it names a flag. */
export function sayOnPage(text: string): string {
  return words.reduce((said, [flag, word]) => said.replace(flag, word), text);
}

/** A problem in the words of the page. */
export function problemOnPage({ what, where, mend }: Problem): Problem {
  return {
    what: sayOnPage(what),
    ...(where === undefined ? {} : { where }),
    ...(mend === undefined ? {} : { mend: sayOnPage(mend) }),
  };
}

/** Whether a problem is that the loads lie deeper in a JSON file: then the person may name the part. */
export function asksForPart({ mend = '' }: Problem): boolean {
  return mend.includes('name the part of the file');
}
