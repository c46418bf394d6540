import { InputError } from '../base/index.js';

/** Forward of one stage for one microbatch. */
export interface ForwardAction {
  readonly kind: 'forward';
  readonly stage: number;
  readonly microbatch: number;
}

/** Full backward: the gradients of inputs and of weights together. */
export interface BackwardAction {
  readonly kind: 'backward';
  readonly stage: number;
  readonly microbatch: number;
}

/** The gradient of inputs alone; the weights' comes later in a `backwardWeight`. */
export interface BackwardInputAction {
  readonly kind: 'backwardInput';
  readonly stage: number;
  readonly microbatch: number;
}

export interface BackwardWeightAction {
  readonly kind: 'backwardWeight';
  readonly stage: number;
  readonly microbatch: number;
}

/** A forward and a full backward whose segments are interleaved, so that the communication of each hides behind the other's computation. */
export interface OverlapAction {
  readonly kind: 'overlap';
  readonly forward: ForwardAction;
  readonly backward: BackwardAction;
}

/** An action on one chunk: one stage for one microbatch. */
export type ChunkAction = ForwardAction | BackwardAction | BackwardInputAction | BackwardWeightAction;

/** What a rank does next. */
export type Action = ChunkAction | OverlapAction;

export type ChunkKind = ChunkAction['kind'];
export type ActionKind = Action['kind'];

/** PyTorch's letter of each kind of chunk action. */
const chunkLetters = {
  forward: 'F',
  backward: 'B',
  backwardInput: 'I',
  backwardWeight: 'W',
} as const satisfies Record<ChunkKind, string>;

const kindByLetter = new Map(
  Object.entries(chunkLetters).map(([kind, letter]) => [letter as string, kind as ChunkKind]),
);

const number = '(0|[1-9]\\d{0,8})';
const chunkPattern = new RegExp(`^${number}([FBIW])${number}$`);
const overlapPattern = /^\(([^;()]*);([^;()]*)\)OVERLAP_F_B$/;
const communicationPattern = /^\d+(?:UNSHARD|RESHARD|REDUCE_GRAD|(?:SEND|RECV)_[FB]\d*)$/;

/** PyTorch's text: `0F3`, `7B2`, `0I6`, `0W6`, `(0F7;7B3)OVERLAP_F_B`. */
export function formatAction(action: Action): string {
  if (action.kind === 'overlap') return `(${formatAction(action.forward)};${formatAction(action.backward)})OVERLAP_F_B`;
  return `${action.stage}${chunkLetters[action.kind]}${action.microbatch}`;
}

/**
 * Reads PyTorch's text, the whole of it: `parseAction(formatAction(a))` equals `a`.
 * Throws `InputError` with `where` for anything else, with a hint for older files (`BW`) and for communication.
 */
export function parseAction(text: string, where?: string): Action {
  const chunk = parseChunk(text);
  if (chunk !== undefined) return chunk;
  const pair = overlapPattern.exec(text);
  if (pair === null) throw refuse(text, where);
  const forward = parseChunk(pair[1] as string);
  const backward = parseChunk(pair[2] as string);
  if (forward?.kind !== 'forward' || backward?.kind !== 'backward') throw refuse(text, where);
  return { kind: 'overlap', forward, backward };
}

function parseChunk(text: string): ChunkAction | undefined {
  const match = chunkPattern.exec(text);
  const kind = match === null ? undefined : kindByLetter.get(match[2] as string);
  if (match === null || kind === undefined) return undefined;
  return { kind, stage: Number(match[1]), microbatch: Number(match[3]) };
}

function refuse(text: string, where: string | undefined): InputError {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return new InputError({
    what: `${JSON.stringify(shown)} is not an action`,
    ...(where === undefined ? {} : { where }),
    mend: hintFor(text),
  });
}

function hintFor(text: string): string {
  if (/\dBW\d/.test(text)) {
    return 'BW is from PyTorch 2.5 and older, where B meant the input gradient; write the file again with 2.6 or later';
  }
  if (communicationPattern.test(text)) {
    return "only compute-only schedules are read; write the file with format='compute_only'";
  }
  return 'use stage, one of F B I W, microbatch (as in 0F3), or (0F7;7B3)OVERLAP_F_B';
}

/** The chunks of an action: one, or the forward and the backward of an overlapped pair. */
export function chunkActions(action: Action): readonly ChunkAction[] {
  return action.kind === 'overlap' ? [action.forward, action.backward] : [action];
}
