import { createRandom, InputError } from '../../base/index.js';

/** Tokens from `start` to before `end`. */
export interface TokenRange {
  readonly start: number;
  readonly end: number;
}

/**
 * Where the sequences of a step begin, `[count]`. Sequence i depends only on seed, step and i, not on how the batch is divided among ranks and microbatches.
 * Each start leaves room for a sequence and its next token. With blocks, the first `blockSteps` steps draw from the first kind of text alone, the next ones from
 * the second, and so on in turn. Throws `InputError` if there are too few tokens.
 */
export function sampleSequences(request: {
  readonly seed: number;
  /** From 1. */
  readonly step: number;
  /** Sequences of the global batch. */
  readonly count: number;
  readonly sequenceLength: number;
  /** Where each kind of text lies; together they are all tokens. */
  readonly kinds: readonly TokenRange[];
  /** 0 draws from all tokens in every step. */
  readonly blockSteps: number;
}): number[] {
  const { seed, step, count, sequenceLength, kinds, blockSteps } = request;
  const block = blockSteps === 0 ? 0 : Math.floor((step - 1) / blockSteps);
  const { start, end } = blockSteps === 0 ? { start: 0, end: kinds.at(-1)?.end ?? 0 } : kinds[block % kinds.length];
  requireTokens(end - start, sequenceLength);
  const random = createRandom(seed, 'batch', step);
  return Array.from({ length: count }, () => start + random.integer(end - start - sequenceLength));
}

/**
 * Where the windows of validation begin: at most `count`, the same ones every time, without overlap and evenly over the tokens. Throws `InputError` if
 * there are too few tokens for one.
 */
export function placeValidationWindows(request: {
  readonly count: number;
  readonly sequenceLength: number;
  readonly tokens: number;
}): number[] {
  const { sequenceLength, tokens } = request;
  requireTokens(tokens, sequenceLength);
  const available = Math.floor((tokens - 1) / sequenceLength);
  const count = Math.min(request.count, available);
  return Array.from({ length: count }, (_, i) => Math.floor((i * available) / count) * sequenceLength);
}

/**
 * Copies the sequences that begin at `offsets` into `inputs` and what follows each of their tokens into `targets`, both `[offsets, sequenceLength]`.
 * Throws `InputError` if a sequence would reach beyond the tokens or an array has another size.
 */
export function fillMicrobatch(request: {
  readonly tokens: Int32Array;
  readonly offsets: readonly number[];
  readonly sequenceLength: number;
  readonly inputs: Int32Array;
  readonly targets: Int32Array;
}): void {
  const { tokens, offsets, sequenceLength, inputs, targets } = request;
  const size = offsets.length * sequenceLength;
  if (inputs.length !== size || targets.length !== size) {
    throw new InputError({
      what: `a microbatch of ${offsets.length} x ${sequenceLength} tokens does not fit arrays of ${inputs.length} and ${targets.length}`,
      mend: `give arrays of ${size}`,
    });
  }
  for (const [row, offset] of offsets.entries()) {
    if (!(Number.isInteger(offset) && offset >= 0 && offset + sequenceLength < tokens.length)) {
      throw new InputError({
        what: `a sequence at ${offset} does not lie within ${tokens.length} tokens`,
        mend: 'draw offsets for these tokens',
      });
    }
    inputs.set(tokens.subarray(offset, offset + sequenceLength), row * sequenceLength);
    targets.set(tokens.subarray(offset + 1, offset + 1 + sequenceLength), row * sequenceLength);
  }
}

function requireTokens(tokens: number, sequenceLength: number): void {
  if (tokens > sequenceLength) return;
  throw new InputError({
    what: `${tokens} tokens are too few for sequences of ${sequenceLength}`,
    mend: 'give more text or a shorter sequence_length',
  });
}
