import type { Command } from 'commander';
import { escapeJsonControls, formatRate, InputError } from '../base/index.js';
import { findCheckpoint, generateText } from '../train/index.js';
import { parseNumber } from './numbers.js';
import { shownText, writeNotes } from './output.js';

interface GenerateFlags {
  readonly checkpoint?: string;
  readonly prompt?: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly topK: number;
  readonly topP: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** `doubletrack generate`: lets a trained model go on from a prompt. */
export function addGenerateCommand(program: Command): void {
  program
    .command('generate')
    .description('Let a trained model go on from a prompt.')
    .option('--checkpoint <dir>', 'folder with config.json and model.safetensors, or a run: its last checkpoint')
    .option('--prompt <text>', 'what to go on from')
    .option(
      '--tokens <n>',
      'tokens to add, fewer where the model ends the text',
      parseNumber('--tokens', { from: 1, to: 1_000_000, whole: true }),
      200,
    )
    .option(
      '--temperature <x>',
      '0 takes the likeliest token, higher is more surprising',
      parseNumber('--temperature', { from: 0, to: 100 }),
      0.8,
    )
    .option(
      '--top-k <n>',
      'draw from so many of the likeliest tokens; 0 is all',
      parseNumber('--top-k', { from: 0, to: 2 ** 31, whole: true }),
      0,
    )
    .option(
      '--top-p <x>',
      'draw from the fewest of the likeliest tokens that have this probability together; 1 is all',
      parseNumber('--top-p', { from: 0, to: 1 }),
      1,
    )
    .option('--seed <n>', 'seed of the draws', parseNumber('--seed', { from: 0, to: 2 ** 31, whole: true }), 1)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  doubletrack generate --checkpoint runs/example/checkpoints/3 --prompt "Call me" --tokens 100',
    )
    .action(async (flags: GenerateFlags) => {
      const { prompt } = flags;
      if (flags.checkpoint === undefined)
        throw new InputError({ what: 'no checkpoint is given', mend: 'add --checkpoint DIR' });
      if (prompt === undefined) throw new InputError({ what: 'no prompt is given', mend: 'add --prompt TEXT' });
      const { folder: checkpoint, notes: found } = findCheckpoint(flags.checkpoint);
      const { notes, ...result } = await generateText({ ...flags, checkpoint, prompt });
      writeNotes([...found, ...notes]);
      if (flags.json === true) process.stdout.write(`${escapeJsonControls(JSON.stringify(result))}\n`);
      else process.stdout.write(`${shownText(result.text)}\n`);
      process.stderr.write(`${formatRate(result.tokensPerSecond, 'tokens')}\n`);
    });
}
