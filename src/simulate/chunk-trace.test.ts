import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareOrder, type TraceOperation, timeSegments, traceChunks, traceSegments } from './index.js';

const names = { attn: 'attention', mlp: 'experts', dispatch: 'dispatch', combine: 'combine' } as const;
const phases = { F: 'forward', B: 'backwardInput', W: 'backwardWeight' } as const;

/** Operations of layer 0 that start in the order in which they are listed, 1 ms each, of which 0.75 ms busy. */
function operationsOf(list: readonly string[]): TraceOperation[] {
  return list.map((operation, index) => {
    const [part, letter] = operation.slice(0, -1).split('(') as [keyof typeof names, keyof typeof phases];
    const isExchange = part === 'dispatch' || part === 'combine';
    return {
      operation,
      name: names[part],
      phase: phases[letter],
      layer: 0,
      lane: isExchange ? 'communication' : 'compute',
      chunk: letter === 'F' ? 0 : 1,
      startSeconds: index / 1024,
      endSeconds: (index + 1) / 1024,
      busySeconds: 0.75 / 1024,
      notifySeconds: 0,
      streams: [],
    };
  });
}

/** As DeepSeek's profile has one layer: the weight gradients of the experts are launched after dispatch(B). */
const profiled = [
  'combine(B)',
  'attn(F)',
  'dispatch(F)',
  'mlp(B)',
  'dispatch(B)',
  'mlp(W)',
  'mlp(F)',
  'combine(F)',
  'attn(B)',
  'attn(W)',
];
const text = ({ name, phase }: Pick<TraceOperation, 'name' | 'phase'>) => `${name} ${phase}`;

test('a chunk lists a weight gradient right after its input gradient, wherever the trace has it', () => {
  const { forward, backward } = traceChunks({ operations: operationsOf(profiled) }, 'span');
  assert.deepEqual(forward.map(text), ['attention forward', 'dispatch forward', 'experts forward', 'combine forward']);
  assert.deepEqual(backward.map(text), [
    'combine backwardInput',
    'experts backwardInput',
    'experts backwardWeight',
    'dispatch backwardInput',
    'attention backwardInput',
    'attention backwardWeight',
  ]);
});

test('durations are the spans, or the time in which kernels ran', () => {
  const operations = operationsOf(profiled);
  assert.ok(traceSegments({ operations }, 'span').every(({ time }) => time === 1 / 1024));
  assert.ok(traceSegments({ operations }, 'busy').every(({ time }) => time === 0.75 / 1024));
});

test("the order of DeepSeek's profile is the runtime's, and takes as long as its longer lane", () => {
  const operations = operationsOf(profiled);
  assert.deepEqual(compareOrder({ operations }), []);
  assert.equal(timeSegments({ segments: traceSegments({ operations }, 'span'), contention: 0 }).time, 6 / 1024);
});

test('where a lane of the trace has another order than the runtime, it is told', () => {
  const backwardFirst = [
    'combine(B)',
    'mlp(B)',
    'dispatch(B)',
    'attn(F)',
    'dispatch(F)',
    'mlp(W)',
    'attn(B)',
    'mlp(F)',
    'combine(F)',
    'attn(W)',
  ];
  assert.deepEqual(compareOrder({ operations: operationsOf(backwardFirst) }), [
    { lane: 'compute', position: 0, runtime: 'attn(F) 0', trace: 'mlp(B) 0' },
    { lane: 'communication', position: 1, runtime: 'dispatch(F) 0', trace: 'dispatch(B) 0' },
  ]);
});
