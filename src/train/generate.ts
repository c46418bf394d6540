import { createRandom, InputError } from '../base/index.js';
import type { Tokenizer } from './data/index.js';
import { notFinite } from './evaluate.js';
import { type OpenModel, openModel } from './inference.js';
import { contextLength, openFolderTokenizer, readEndIds, readModelConfig } from './open-folder.js';

/** Which of the likeliest tokens one is drawn from. */
export interface DrawLimits {
  /** So many; 0 is all. */
  readonly topK?: number;
  /** The fewest that have this probability together; 1 is all. */
  readonly topP?: number;
}

export interface GenerationRequest extends DrawLimits {
  readonly checkpoint: string;
  readonly prompt: string;
  /** Tokens to add, at most. */
  readonly tokens: number;
  /** 0 takes the likeliest token; higher is more surprising. */
  readonly temperature: number;
  readonly seed: number;
}

export interface Generation {
  /** Prompt and what follows, without the tokens that say where a text begins and ends. */
  readonly text: string;
  /** Tokens that were added. */
  readonly tokens: number;
  readonly tokensPerSecond: number;
  /** What a person should know: about the checkpoint, and where the text began or ended with a token of its own. */
  readonly notes: readonly string[];
}

/**
 * Goes on from a prompt, token by token: each is drawn from the model's distribution given the last `contextLength`
 * tokens. Every token is a forward of that whole window. Stops at a token that ends a text (`readEndIds`). Throws
 * `InputError` for an empty prompt or a bad checkpoint, `WorkError` where the model's answer is not finite.
 */
export async function generateText(request: GenerationRequest): Promise<Generation> {
  const { checkpoint, tokens, seed } = request;
  const model = readModelConfig(checkpoint);
  const tokenizer = openFolderTokenizer(checkpoint, model);
  const prompt = encodePrompt(request, tokenizer, model.vocabSize);
  const endIds = readEndIds(checkpoint, tokenizer);
  const sequenceLength = contextLength(checkpoint, model);
  const opened = await openModel(checkpoint, model, { sequences: 1, sequenceLength, rows: 1, exports: ['logits'] });
  try {
    const random = createRandom(seed, 'generate');
    const added: number[] = [];
    const start = performance.now();
    let end: number | undefined;
    while (added.length < tokens && end === undefined) {
      const logits = await nextLogits(opened, [...tokenizer.startIds, ...prompt, ...added]);
      if (!logits.every(Number.isFinite)) throw notFinite(checkpoint);
      const token = drawToken(logits, request.temperature, random.uniform(), request);
      if (endIds.includes(token)) end = token;
      else added.push(token);
    }
    const seconds = (performance.now() - start) / 1000;
    return {
      text: tokenizer.decode([...prompt, ...added]),
      tokens: added.length,
      tokensPerSecond: (added.length + (end === undefined ? 0 : 1)) / seconds,
      notes: [
        ...opened.notes,
        ...describeStart(tokenizer),
        ...(end === undefined ? [] : [`the model ended the text with token ${end} after ${added.length} tokens`]),
      ],
    };
  } finally {
    await opened.group.close();
  }
}

/** What is said of tokens that stand before a text. */
export function describeStart({ startIds }: Tokenizer): string[] {
  const ids = startIds.join(', ');
  return startIds.length === 0 ? [] : [`the text begins with token ${ids}, as the tokenizer's files say`];
}

function encodePrompt({ prompt, checkpoint }: GenerationRequest, tokenizer: Tokenizer, vocabulary: number): number[] {
  const ids = [...tokenizer.encode(prompt)];
  if (ids.length === 0)
    throw new InputError({ what: 'the prompt is empty', where: '--prompt', mend: 'give at least one character' });
  const largest = [...ids, ...tokenizer.startIds].reduce((most, id) => Math.max(most, id), 0);
  if (largest < vocabulary) return ids;
  throw new InputError({
    what: `the prompt has token ${largest}, outside the vocabulary of ${vocabulary}`,
    where: checkpoint,
    mend: 'put the tokenizer.json of the model into its folder',
  });
}

/** Logits `[vocabulary]` of the token after `ids`. What stands to the right of the last token cannot be seen by it. */
async function nextLogits({ spec, group, model }: OpenModel, ids: readonly number[]): Promise<Float32Array> {
  const window = ids.slice(-spec.batch.sequenceLength);
  new Int32Array(spec.batchMemory.buffers.tokens).fill(0).set(window);
  const [{ exports }] = await group.call('evaluate');
  const logits = exports.get('logits');
  if (logits === undefined) throw new Error('the model gave no logits');
  return new Float32Array(logits.rows, 4 * (window.length - 1) * model.vocabSize, model.vocabSize);
}

/** Draws a token by softmax(logits / temperature) with `uniform` in [0, 1), from the likeliest within the limits. */
export function drawToken(logits: Float32Array, temperature: number, uniform: number, limits: DrawLimits = {}): number {
  const best = logits.reduce((index, logit, at) => (logit > logits[index] ? at : index), 0);
  if (temperature === 0) return best;
  const weights = Array.from(logits, (logit) => Math.exp((logit - logits[best]) / temperature));
  const tokens = likeliest(weights, limits);
  let left = uniform * tokens.reduce((sum, token) => sum + weights[token], 0);
  for (const token of tokens) {
    left -= weights[token];
    if (left < 0) return token;
  }
  return best;
}

/** The tokens that may be drawn, ascending; of equally likely ones the first. */
function likeliest(weights: readonly number[], { topK = 0, topP = 1 }: DrawLimits): number[] {
  const all = weights.map((_, token) => token);
  if (topK === 0 && topP === 1) return all;
  const ranked = all.sort((a, b) => weights[b] - weights[a] || a - b).slice(0, topK === 0 ? undefined : topK);
  const enough = topP * ranked.reduce((sum, token) => sum + weights[token], 0);
  let sum = 0;
  let count = 0;
  while (count < ranked.length && sum < enough) sum += weights[ranked[count++]];
  return ranked.slice(0, Math.max(1, count)).sort((a, b) => a - b);
}
