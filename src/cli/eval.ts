import type { Command } from 'commander';
import { formatCount, InputError } from '../base/index.js';
import { readFileBytes, writeSafetensors } from '../formats/index.js';
import {
  contextLength,
  describeStart,
  evaluateRows,
  findCheckpoint,
  type NamedArray,
  openFolderTokenizer,
  readModelConfig,
} from '../train/index.js';
import { checkOutputs } from './input-files.js';
import { replaceOutput, writeNotes } from './output.js';
import { type EvalInput, readTokenRows } from './token-rows.js';

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
    .option('--checkpoint <dir>', 'folder with config.json and model.safetensors, or a run: its last checkpoint')
    .option('--text <file>', 'text to measure on, in windows of the training length')
    .option(
      '--tokens <file.json>',
      'token rows to measure on: {"input_ids": [[...], ...]}, and "attention_mask" where rows are filled up at their ends',
    )
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
  const { logits, gradients } = flags;
  if (flags.checkpoint === undefined)
    throw new InputError({ what: 'no checkpoint is given', mend: 'add --checkpoint DIR' });
  checkOutputs([logits, gradients], [flags.checkpoint, flags.text, flags.tokens]);
  const { folder: checkpoint, notes } = findCheckpoint(flags.checkpoint);
  const input = readRows(checkpoint, flags);
  writeNotes([...notes, ...input.notes]);
  const request = { ...input, checkpoint, withLogits: logits !== undefined, withGradients: gradients !== undefined };
  const result = await evaluateRows(request);
  writeNotes(result.notes);
  if (logits !== undefined && result.logits !== undefined) await writeArrays(logits, [result.logits]);
  if (gradients !== undefined && result.gradients !== undefined) await writeArrays(gradients, result.gradients);
  const summary = { loss: result.loss, perplexity: Math.exp(result.loss), tokens: result.tokens };
  const text = `loss ${summary.loss.toFixed(4)} nats a token, perplexity ${summary.perplexity.toFixed(3)}, ${formatCount(summary.tokens)} tokens`;
  process.stdout.write(`${flags.json === true ? JSON.stringify(summary) : text}\n`);
}

async function writeArrays(file: string, arrays: readonly NamedArray[]): Promise<void> {
  const tensors = arrays.map(({ name, shape, data }) => ({ name, shape, data, dtype: 'F32' as const }));
  await replaceOutput(file, () => writeSafetensors(file, tensors));
}

function readRows(checkpoint: string, { text, tokens }: EvalFlags): EvalInput {
  if (tokens !== undefined && text === undefined) return readTokenRows(tokens);
  if (tokens === undefined && text !== undefined) return readTextRows(checkpoint, text);
  throw new InputError({
    what: text === undefined ? 'nothing to measure on is given' : 'both --text and --tokens are given',
    mend: 'give --text FILE or --tokens FILE.json',
  });
}

/** Windows of the text that overlap by one token, so that every token but the first is predicted once. */
function readTextRows(checkpoint: string, file: string): EvalInput {
  const model = readModelConfig(checkpoint);
  const tokenizer = openFolderTokenizer(checkpoint, model);
  const encoded = tokenizer.encode(readFileBytes(file, { maxBytes: MAX_INPUT_BYTES }));
  const ids = new Int32Array(tokenizer.startIds.length + encoded.length);
  ids.set(tokenizer.startIds);
  ids.set(encoded, tokenizer.startIds.length);
  if (ids.length < 2)
    throw new InputError({ what: 'the text has fewer than 2 tokens', where: file, mend: 'give a longer text' });
  // A window's last token is looked up too, though nothing is predicted from it.
  const longest = Math.max(1, Math.min(contextLength(checkpoint, model), model.maxPositionEmbeddings - 1));
  const length = Math.min(longest, ids.length - 1);
  const windows = Math.floor((ids.length - 1) / length);
  const rows = Array.from({ length: windows }, (_, index) => ids.subarray(index * length, (index + 1) * length + 1));
  return { rows, notes: describeStart(tokenizer) };
}
