import { createRandom, InputError } from '../base/index.js';
import { contextLength, type OpenModel, openFolderTokenizer, openModel, readModelConfig } from './inference.js';

export interface GenerationRequest {
  readonly checkpoint: string;
  readonly prompt: string;
  /** Tokens to add. */
  readonly tokens: number;
  /** 0 takes the likeliest token; higher is more surprising. */
  readonly temperature: number;
  readonly seed: number;
}

export interface Generation {
  /** Prompt and what follows. */
  readonly text: string;
  readonly tokensPerSecond: number;
}

/**
 * Goes on from a prompt, token by token: each is drawn from the model's distribution given the last `contextLength` tokens. Every token is a forward
 * of that whole window. Throws `InputError` for an empty prompt or a bad checkpoint.
 */
export async function generateText(request: GenerationRequest): Promise<Generation> {
  const { checkpoint, prompt, tokens, temperature, seed } = request;
  const model = readModelConfig(checkpoint);
  const tokenizer = openFolderTokenizer(checkpoint);
  const ids = [...tokenizer.encode(prompt)];
  if (ids.length === 0)
    throw new InputError({ what: 'the prompt is empty', where: '--prompt', mend: 'give at least one character' });
  const largest = Math.max(...ids);
  if (largest >= model.vocabSize) {
    throw new InputError({
      what: `the prompt has token ${largest}, outside the vocabulary of ${model.vocabSize}`,
      where: checkpoint,
      mend: 'put the tokenizer.json of the model into its folder',
    });
  }
  const sequenceLength = contextLength(checkpoint, model);
  const opened = await openModel(checkpoint, model, { sequences: 1, sequenceLength, rows: 1, exports: ['logits'] });
  try {
    const random = createRandom(seed, 'generate');
    const start = performance.now();
    for (let count = 0; count < tokens; count++) {
      ids.push(drawToken(await nextLogits(opened, ids), temperature, random.uniform()));
    }
    return {
      text: tokenizer.decode(Int32Array.from(ids)),
      tokensPerSecond: (1000 * tokens) / (performance.now() - start),
    };
  } finally {
    await opened.group.close();
  }
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

/** Draws a token by softmax(logits / temperature) with `uniform` in [0, 1). */
export function drawToken(logits: Float32Array, temperature: number, uniform: number): number {
  const best = logits.reduce((index, logit, at) => (logit > logits[index] ? at : index), 0);
  if (temperature === 0) return best;
  const weights = Array.from(logits, (logit) => Math.exp((logit - logits[best]) / temperature));
  let left = uniform * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [token, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return token;
  }
  return best;
}
