import type { Command } from 'commander';
import { formatCount, InputError } from '../base/index.js';
import { readFileBytes, readJson, writeSafetensors } from '../formats/index.js';
import {
  contextLength,
  evaluateRows,
  type NamedArray,
  openFolderTokenizer,
  readModelConfig,
  type TokenRows,
} from '../train/index.js';

interface EvalFlags {
  readonly checkpoint?: string;
  readonly text?: string;
  readonly tokens?: string;
  readonly logits?: string;
  readonly gradients?: string;
  readonly json?: boolean;
}

const MAX_INPUT_BYTES = 2 ** 28;

/** `doubletrack eval`: the loss of a checkpoint on a text or on token rows. */
export function addEvalCommand(program: Command): void {
  program
    .command('eval')
    .description('Measure the loss of a checkpoint, and write its logits or gradients.')
    .option('--checkpoint <dir>', 'folder with config.json and model.safetensors')
    .option('--text <file>', 'text to measure on, in windows of the training length')
    .option('--tokens <file.json>', 'token rows to measure on: {"input_ids": [[...], ...]}')
    .option('--logits <file.safetensors>', 'write the logits [rows, tokens, vocabulary]')
    .option('--gradients <file.safetensors>', 'write the gradient of the loss for each parameter')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  doubletrack eval --checkpoint runs/example/checkpoints/3 --text README.md --json',
    )
    .action(runEval);
}

async function runEval(flags: EvalFlags): Promise<void> {
  const { checkpoint, logits, gradients } = flags;
  if (checkpoint === undefined) throw new InputError({ what: 'no checkpoint is given', mend: 'add --checkpoint DIR' });
  const rows = readRows(checkpoint, flags);
  const request = { checkpoint, rows, withLogits: logits !== undefined, withGradients: gradients !== undefined };
  const result = await evaluateRows(request);
  if (logits !== undefined && result.logits !== undefined) await writeArrays(logits, [result.logits]);
  if (gradients !== undefined && result.gradients !== undefined) await writeArrays(gradients, result.gradients);
  const summary = { loss: result.loss, perplexity: Math.exp(result.loss), tokens: result.tokens };
  const text = `loss ${summary.loss.toFixed(4)} nats a token, perplexity ${summary.perplexity.toFixed(3)}, ${formatCount(summary.tokens)} tokens`;
  process.stdout.write(`${flags.json === true ? JSON.stringify(summary) : text}\n`);
}

async function writeArrays(file: string, arrays: readonly NamedArray[]): Promise<void> {
  await writeSafetensors(
    file,
    arrays.map(({ name, shape, data }) => ({ name, shape, data, dtype: 'F32' as const })),
  );
}

function readRows(checkpoint: string, { text, tokens }: EvalFlags): TokenRows {
  if ((text === undefined) === (tokens === undefined)) {
    throw new InputError({
      what: text === undefined ? 'nothing to measure on is given' : 'both --text and --tokens are given',
      mend: 'give --text FILE or --tokens FILE.json',
    });
  }
  return tokens === undefined ? readTextRows(checkpoint, text as string) : readTokenRows(tokens);
}

/** Windows of the text that overlap by one token, so that every token but the first is predicted once. */
function readTextRows(checkpoint: string, file: string): TokenRows {
  const ids = openFolderTokenizer(checkpoint).encode(readFileBytes(file, { maxBytes: MAX_INPUT_BYTES }));
  if (ids.length < 2)
    throw new InputError({ what: 'the text has fewer than 2 tokens', where: file, mend: 'give a longer text' });
  const length = Math.min(contextLength(checkpoint, readModelConfig(checkpoint)), ids.length - 1);
  const windows = Math.floor((ids.length - 1) / length);
  return Array.from({ length: windows }, (_, index) => ids.subarray(index * length, (index + 1) * length + 1));
}

function readTokenRows(file: string): TokenRows {
  const json = readJson(file, { maxBytes: MAX_INPUT_BYTES }) as { input_ids?: unknown } | null;
  const ids = json?.input_ids;
  const isRow = (row: unknown) =>
    Array.isArray(row) && row.every((token) => Number.isInteger(token) && token >= 0 && token < 2 ** 31);
  if (!Array.isArray(ids) || !ids.every(isRow)) {
    throw new InputError({
      what: 'input_ids is not a list of rows of token ids',
      where: file,
      mend: 'give {"input_ids": [[1, 2, 3], [4, 5, 6]]}',
    });
  }
  return (ids as number[][]).map((row) => Int32Array.from(row));
}
