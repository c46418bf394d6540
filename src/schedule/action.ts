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

/** The gradient of weights alone, after a `backwardInput`. */
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

/** A message between neighbouring stages on different ranks: `stage` and `microbatch` are those of the rank that runs the action. */
export interface MessageAction {
  readonly kind:
    | 'sendForward'
    | 'receiveForward'
    | 'sendBackward'
    | 'receiveBackward'
    /** Waits until the message of the earlier send has left. */
    | 'waitSendForward'
    | 'waitSendBackward';
  readonly stage: number;
  readonly microbatch: number;
}

/** Communication for a whole stage. */
export interface StageAction {
  readonly kind: /** Gathers the parameters of a stage that is sharded over data ranks. */
    | 'unshard'
    | 'reshard'
    /** Sums a stage's gradients over its copies: over data ranks, and over the mirrored stages of DualPipe. */
    | 'reduceGrad'
    | 'waitReduceGrad';
  readonly stage: number;
}

export type CommunicationAction = MessageAction | StageAction;

/** What a rank does next, with communication. */
export type LoweredAction = Action | CommunicationAction;

export type CommunicationKind = CommunicationAction['kind'];

/** PyTorch's letter of each kind of chunk action. */
const chunkLetters = {
  forward: 'F',
  backward: 'B',
  backwardInput: 'I',
  backwardWeight: 'W',
} as const satisfies Record<ChunkKind, string>;

/** PyTorch's words for communication. */
const messageWords = {
  sendForward: 'SEND_F',
  receiveForward: 'RECV_F',
  sendBackward: 'SEND_B',
  receiveBackward: 'RECV_B',
  waitSendForward: 'WAIT_SEND_F',
  waitSendBackward: 'WAIT_SEND_B',
} as const satisfies Record<MessageAction['kind'], string>;
const stageWords = {
  unshard: 'UNSHARD',
  reshard: 'RESHARD',
  reduceGrad: 'REDUCE_GRAD',
  waitReduceGrad: 'WAIT_REDUCE_GRAD',
} as const satisfies Record<StageAction['kind'], string>;
const words = { ...chunkLetters, ...messageWords, ...stageWords };

const kindByWord = new Map(Object.entries(words).map(([kind, word]) => [word as string, kind as keyof typeof words]));

const number = '(0|[1-9]\\d{0,8})';
const actionPattern = new RegExp(`^${number}(${Object.values(words).join('|')})${number}?$`);
const overlapPattern = /^\(([^;()]*);([^;()]*)\)OVERLAP_F_B$/;

/** PyTorch's text: `0F3`, `7B2`, `0I6`, `0W6`, `(0F7;7B3)OVERLAP_F_B`, `0SEND_F3`, `7UNSHARD`. */
export function formatAction(action: LoweredAction): string {
  if (action.kind === 'overlap') return `(${formatAction(action.forward)};${formatAction(action.backward)})OVERLAP_F_B`;
  return `${action.stage}${words[action.kind]}${'microbatch' in action ? action.microbatch : ''}`;
}

/** PyTorch's word of a kind of communication: `REDUCE_GRAD`. */
export function wordOf(kind: CommunicationKind): string {
  return words[kind];
}

/** The action that PyTorch's text means, the whole of it: `findAction(formatAction(a))` equals `a`. */
export function findAction(text: string): LoweredAction | undefined {
  const single = parseSingle(text);
  if (single !== undefined) return single;
  const pair = overlapPattern.exec(text);
  if (pair === null) return undefined;
  const forward = parseSingle(pair[1]);
  const backward = parseSingle(pair[2]);
  if (forward?.kind !== 'forward' || backward?.kind !== 'backward') return undefined;
  return { kind: 'overlap', forward, backward };
}

/** As `findAction`; throws `InputError` with `where` for a text that is none, with a hint for older files (`BW`). */
export function parseLoweredAction(text: string, where?: string): LoweredAction {
  const action = findAction(text);
  if (action === undefined) throw refuse(text, where);
  return action;
}

/** As `parseLoweredAction`, for computation alone. */
export function parseAction(text: string, where?: string): Action {
  const action = parseLoweredAction(text, where);
  if (isCommunication(action)) throw refuse(text, where);
  return action;
}

/** Whether an action computes nothing. */
export function isCommunication(action: LoweredAction): action is CommunicationAction {
  return action.kind in messageWords || action.kind in stageWords;
}

function parseSingle(text: string): ChunkAction | CommunicationAction | undefined {
  const match = actionPattern.exec(text);
  const kind = match === null ? undefined : kindByWord.get(match[2] as string);
  if (match === null || kind === undefined) return undefined;
  const stage = Number(match[1]);
  if (isStageKind(kind)) return match[3] === undefined ? { kind, stage } : undefined;
  return match[3] === undefined ? undefined : { kind, stage, microbatch: Number(match[3]) };
}

/** Whether communication of this kind is for a whole stage. */
export function isStageKind(kind: string): kind is StageAction['kind'] {
  return kind in stageWords;
}

function refuse(text: string, where: string | undefined): InputError {
  const shown = text.length > 60 ? `${text.slice(0, 57)}...` : text;
  return new InputError({
    what: `${JSON.stringify(shown)} is not an action`,
    ...(where === undefined ? {} : { where }),
    mend: hintFor(text),
  });
}

/** What to do with a file of PyTorch 2.5 or older. */
export const olderLetters =
  'PyTorch 2.5 and older, where B meant the gradient of the inputs alone and BW the whole backward; ' +
  'write the file again with 2.6 or later, or make I of each B that has a W, then B of each BW';

function hintFor(text: string): string {
  const older = /\d(BW|SEND_F_RECV_B|SEND_B_RECV_F)\d/.exec(text);
  if (older !== null) return `${older[1]} is from ${olderLetters}`;
  if (actionPattern.test(text)) return 'it is communication, where only computation can be';
  return 'use stage, one of F B I W, microbatch (as in 0F3), (0F7;7B3)OVERLAP_F_B, or communication (as in 0SEND_F3, 7UNSHARD)';
}

/** The chunks of an action: one, or the forward and the backward of an overlapped pair. */
export function chunkActions(action: Action): readonly ChunkAction[] {
  return action.kind === 'overlap' ? [action.forward, action.backward] : [action];
}
