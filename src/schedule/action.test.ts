import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { type Action, formatAction, type LoweredAction, parseAction, parseLoweredAction } from './action.js';

const index = fc.integer({ min: 0, max: 999_999_999 });
const chunk = <K extends string>(kind: K) =>
  fc.record({ kind: fc.constant(kind), stage: index, microbatch: index }, { noNullPrototype: true });
const anyAction: fc.Arbitrary<Action> = fc.oneof(
  chunk('forward'),
  chunk('backward'),
  chunk('backwardInput'),
  chunk('backwardWeight'),
  fc
    .tuple(chunk('forward'), chunk('backward'))
    .map(([forward, backward]) => ({ kind: 'overlap', forward, backward }) as const),
);

const ofStage = <K extends string>(kind: K) =>
  fc.record({ kind: fc.constant(kind), stage: index }, { noNullPrototype: true });
const anyCommunication: fc.Arbitrary<LoweredAction> = fc.oneof(
  chunk('sendForward'),
  chunk('receiveForward'),
  chunk('sendBackward'),
  chunk('receiveBackward'),
  chunk('waitSendForward'),
  chunk('waitSendBackward'),
  ofStage('unshard'),
  ofStage('reshard'),
  ofStage('reduceGrad'),
  ofStage('waitReduceGrad'),
);

test('every action survives being written and read', () => {
  fc.assert(fc.property(anyAction, (action) => assert.deepEqual(parseAction(formatAction(action)), action)));
  const anyLowered = fc.oneof(anyAction, anyCommunication);
  fc.assert(fc.property(anyLowered, (action) => assert.deepEqual(parseLoweredAction(formatAction(action)), action)));
});

test("communication is written in PyTorch's text", () => {
  const message = { stage: 3, microbatch: 7 };
  const texts = [
    { kind: 'sendForward', ...message } as const,
    { kind: 'receiveForward', ...message } as const,
    { kind: 'sendBackward', ...message } as const,
    { kind: 'receiveBackward', ...message } as const,
    { kind: 'waitSendForward', ...message } as const,
    { kind: 'waitSendBackward', ...message } as const,
    { kind: 'unshard', stage: 3 } as const,
    { kind: 'reshard', stage: 3 } as const,
    { kind: 'reduceGrad', stage: 3 } as const,
    { kind: 'waitReduceGrad', stage: 3 } as const,
  ].map(formatAction);
  const expected = '3SEND_F7 3RECV_F7 3SEND_B7 3RECV_B7 3WAIT_SEND_F7 3WAIT_SEND_B7 3UNSHARD 3RESHARD 3REDUCE_GRAD';
  assert.deepEqual(texts, [...expected.split(' '), '3WAIT_REDUCE_GRAD']);
});

test("actions are written in PyTorch's text", () => {
  const forward = { kind: 'forward', stage: 0, microbatch: 7 } as const;
  const backward = { kind: 'backward', stage: 7, microbatch: 3 } as const;
  const texts = [
    forward,
    backward,
    { kind: 'backwardInput', stage: 0, microbatch: 6 } as const,
    { kind: 'backwardWeight', stage: 0, microbatch: 6 } as const,
    { kind: 'overlap', forward, backward } as const,
  ].map(formatAction);
  assert.deepEqual(texts, ['0F7', '7B3', '0I6', '0W6', '(0F7;7B3)OVERLAP_F_B']);
});

test('text that is not wholly an action is refused', () => {
  const bad = ['', '0F', 'F0', '0F3 ', '0F3x', '00F3', '0X3', '-1F0', '0F1e3', '0F1234567890', '0f3'];
  const badPairs = [
    '(0F7;7B3)',
    '(7B3;0F7)OVERLAP_F_B',
    '(0F7;7I3)OVERLAP_F_B',
    '((0F7;7B3)OVERLAP_F_B;7B3)OVERLAP_F_B',
  ];
  const badCommunication = [
    '0SEND_F',
    '0UNSHARD3',
    '0SEND_F3x',
    '0SEND3',
    '0send_f3',
    'UNSHARD',
    '(0SEND_F1;0B1)OVERLAP_F_B',
  ];
  for (const text of [...bad, ...badPairs, ...badCommunication]) {
    assert.throws(() => parseAction(text), InputError, text);
    assert.throws(() => parseLoweredAction(text), InputError, text);
  }
});

test('an action of an older PyTorch and a communication action are refused with what to do', () => {
  assert.throws(() => parseAction('2BW0', 'a.csv, row 1'), /2BW0.*\(a\.csv, row 1\).*2\.5 and older/);
  for (const text of ['0UNSHARD', '0SEND_F0', '2RECV_B1', '2REDUCE_GRAD']) {
    assert.throws(() => parseAction(text), /where only computation can be/, text);
  }
});
