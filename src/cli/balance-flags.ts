import type { Command } from 'commander';
import { InputError } from '../base/index.js';
import { parseNumber } from './numbers.js';

const size = { from: 1, to: 1_000_000, whole: true };

/** Adds the flags that say what is placed and where. */
export function addSourceFlags(command: Command): Command {
  return command
    .option('--gpus <g>', 'number of GPUs, all nodes together', parseNumber('--gpus', size))
    .option(
      '--slots <s>',
      'physical expert slots, all GPUs together (default: as in the current placement)',
      parseNumber('--slots', size),
    )
    .option(
      '--redundant <n>',
      'redundant experts, as engines count them: slots beyond one an expert, in place of --slots',
      parseNumber('--redundant', { from: 0, to: 1_000_000, whole: true }),
    )
    .option('--gpu-slots <list>', 'slots of each GPU, such as 5,5,4,4, where they differ', parseList('--gpu-slots'))
    .option('--nodes <n>', 'servers, with as many GPUs each (default: 1)', parseNumber('--nodes', size))
    .option('--exclude-gpus <list>', 'GPUs that get nothing, such as 3,7', parseList('--exclude-gpus'))
    .option('--gpu-speeds <file>', 'JSON list with the relative speed of each GPU')
    .option(
      '--experts <e>',
      'number of experts, where a route log or a table of those with tokens does not show them all',
      parseNumber('--experts', size),
    )
    .option('--normalize', 'give each window the same number of tokens, so that large ones do not outweigh small ones')
    .option('--trim-warmup', 'leave out the identical rows that engines log while they warm up')
    .option(
      '--layer-offset <n>',
      "the model's first layer with experts, where a file counts only those; 0: no layer is dense (default: none)",
      parseNumber('--layer-offset', { from: 0, to: 100_000, whole: true }),
    );
}

/** Adds the flags of every search. */
export function addSearchFlags(command: Command): Command {
  return command
    .option(
      '--groups <k>',
      "groups of neighbouring experts (the model's n_group)",
      parseNumber('--groups', { from: 1, to: Number.MAX_SAFE_INTEGER, whole: true }),
      1,
    )
    .option(
      '--seed <n>',
      'of the search',
      parseNumber('--seed', { from: 0, to: Number.MAX_SAFE_INTEGER, whole: true }),
      0,
    );
}

/** Reads whole numbers between commas. */
function parseList(flag: string): (text: string) => number[] {
  return (text) =>
    text.split(',').map((part) => {
      const value = part.trim() === '' ? Number.NaN : Number(part);
      if (Number.isInteger(value) && value >= 0) return value;
      throw new InputError({
        what: `'${part}' is no whole number`,
        where: flag,
        mend: 'use numbers with commas between them, such as 3,7',
      });
    });
}

/**
 * The flags of a subcommand of `balance`. Those that stand before the first that `balance` does not know are read by `balance`, which has some of the same; others of
 * `balance` mean nothing to the subcommand and are refused.
 */
export function readSharedFlags<Flags>(balance: Command, subcommand: Command): Flags {
  const own = new Set(subcommand.options.map((option) => option.attributeName()));
  for (const option of balance.options) {
    const name = option.attributeName();
    if (balance.getOptionValueSource(name) === 'cli' && !own.has(name)) {
      throw new InputError({
        what: `${option.long} means nothing to ${subcommand.name()}`,
        mend: `leave it out, or see balance ${subcommand.name()} --help`,
      });
    }
  }
  return { ...balance.opts(), ...subcommand.opts() } as Flags;
}
