import type { Command } from 'commander';
import { formatRate, InputError } from '../base/index.js';
import { generateText } from '../train/index.js';
import { parseNumber } from './numbers.js';

interface GenerateFlags {
  readonly checkpoint?: string;
  readonly prompt?: string;
  readonly tokens: number;
  readonly temperature: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** `doubletrack generate`: lets a trained model go on from a prompt. */
export function addGenerateCommand(program: Command): void {
  program
    .command('generate')
    .description('Let a trained model go on from a prompt.')
    .option('--checkpoint <dir>', 'folder with config.json and model.safetensors')
    .option('--prompt <text>', 'what to go on from')
    .option('--tokens <n>', 'tokens to add', parseNumber('--tokens', { from: 1, to: 1_000_000, whole: true }), 200)
    .option(
      '--temperature <x>',
      '0 takes the likeliest token, higher is more surprising',
      parseNumber('--temperature', { from: 0, to: 100 }),
      0.8,
    )
    .option('--seed <n>', 'seed of the draws', parseNumber('--seed', { from: 0, to: 2 ** 31, whole: true }), 1)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  doubletrack generate --checkpoint runs/example/checkpoints/3 --prompt "Call me" --tokens 100',
    )
    .action(async (flags: GenerateFlags) => {
      const { checkpoint, prompt } = flags;
      if (checkpoint === undefined)
        throw new InputError({ what: 'no checkpoint is given', mend: 'add --checkpoint DIR' });
      if (prompt === undefined) throw new InputError({ what: 'no prompt is given', mend: 'add --prompt TEXT' });
      const result = await generateText({ ...flags, checkpoint, prompt });
      process.stdout.write(flags.json === true ? `${JSON.stringify(result)}\n` : `${result.text}\n`);
      process.stderr.write(`${formatRate(result.tokensPerSecond, 'tokens')}\n`);
    });
}
