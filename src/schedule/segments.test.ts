import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { issueEarly, mergeSegments, type Segment, type SegmentName } from './segments.js';

type Way = 'F' | 'B' | 'W';
const phases = { F: 'forward', B: 'backwardInput', W: 'backwardWeight' } as const;

function segment(name: SegmentName, way: Way, layer: number): Segment {
  const lane = name === 'dispatch' || name === 'combine' ? 'communication' : 'compute';
  return { name, phase: phases[way], layer, lane };
}

type LayerKind = 'moe' | 'dense';
interface ChunkShape {
  readonly layers: readonly LayerKind[];
  readonly embed: boolean;
  readonly head: boolean;
}

function forwardOf({ layers, embed, head }: ChunkShape): Segment[] {
  const list = layers.flatMap((kind, layer) => {
    const names: SegmentName[] =
      kind === 'moe' ? ['attention', 'dispatch', 'experts', 'combine'] : ['attention', 'mlp'];
    return names.map((name) => segment(name, 'F', layer));
  });
  return [...(embed ? [segment('embed', 'F', 0)] : []), ...list, ...(head ? [segment('head', 'F', 0)] : [])];
}

/** The forward's segments from its end; what computes has a part for inputs and one for weights. */
function backwardOf(shape: ChunkShape): Segment[] {
  return forwardOf(shape)
    .reverse()
    .flatMap(({ name, layer, lane }) =>
      lane === 'compute' ? [segment(name, 'B', layer), segment(name, 'W', layer)] : [segment(name, 'B', layer)],
    );
}

const letters = { forward: 'F', backwardInput: 'B', backwardWeight: 'W' };
const show = (list: readonly Segment[]) => list.map(({ name, phase }) => `${name}(${letters[phase]})`).join(' ');
const moe = (layers: number): ChunkShape => ({ layers: Array(layers).fill('moe'), embed: false, head: false });

test("a pair of MoE layers is issued in the order of DeepSeek's profile", () => {
  const merged = mergeSegments(forwardOf(moe(1)), backwardOf(moe(1)));
  const lane = (wanted: string) => show(merged.filter(({ lane }) => lane === wanted));
  assert.equal(lane('compute'), 'attention(F) experts(B) experts(W) experts(F) attention(B) attention(W)');
  assert.equal(lane('communication'), 'combine(B) dispatch(F) dispatch(B) combine(F)');
  assert.equal(
    show(merged),
    'combine(B) attention(F) dispatch(F) experts(B) experts(W) dispatch(B) experts(F) combine(F) attention(B) attention(W)',
  );
});

test('communication is issued before the weight gradients in front of it, and both lanes keep their orders', () => {
  const merged = mergeSegments(forwardOf(moe(2)), backwardOf(moe(2)));
  const early = issueEarly(merged);
  assert.equal(
    show(early.slice(0, 11)),
    'combine(B) attention(F) dispatch(F) experts(B) dispatch(B) experts(W) experts(F) combine(F) attention(B) combine(B) attention(W)',
  );
  for (const lane of ['compute', 'communication']) {
    const order = (list: readonly Segment[]) => list.filter((segment) => segment.lane === lane);
    assert.deepEqual(order(early), order(merged));
  }
});

test('every layer of a stage is issued like the first', () => {
  const merged = mergeSegments(forwardOf(moe(4)), backwardOf(moe(4)));
  const pair = show(mergeSegments(forwardOf(moe(1)), backwardOf(moe(1))));
  assert.equal(show(merged), Array(4).fill(pair).join(' '));
});

test('a dense layer gives one block of computation a turn', () => {
  const dense: ChunkShape = { layers: ['dense'], embed: true, head: false };
  assert.equal(
    show(mergeSegments(forwardOf(dense), backwardOf(moe(1)))),
    'combine(B) embed(F) experts(B) experts(W) dispatch(B) attention(F) attention(B) attention(W) mlp(F)',
  );
});

test('an empty list leaves the other as it is', () => {
  const forward = forwardOf(moe(2));
  assert.deepEqual(mergeSegments(forward, []), forward);
  assert.deepEqual(mergeSegments([], forward), forward);
});

const anyShape: fc.Arbitrary<ChunkShape> = fc.record({
  layers: fc.array(fc.constantFrom<LayerKind>('moe', 'dense'), { maxLength: 6 }),
  embed: fc.boolean(),
  head: fc.boolean(),
});

test('the merge keeps each list in its order and adds nothing', () => {
  fc.assert(
    fc.property(anyShape, anyShape, (first, second) => {
      const [forward, backward] = [forwardOf(first), backwardOf(second)];
      const merged = mergeSegments(forward, backward);
      const isForward = new Set(forward);
      assert.equal(merged.length, forward.length + backward.length);
      assert.deepEqual(
        merged.filter((entry) => isForward.has(entry)),
        forward,
      );
      assert.deepEqual(
        merged.filter((entry) => !isForward.has(entry)),
        backward,
      );
    }),
  );
});

test("after communication, the next computation is the other list's where one is left", () => {
  fc.assert(
    fc.property(anyShape, anyShape, (first, second) => {
      const [forward, backward] = [forwardOf(first), backwardOf(second)];
      const merged = mergeSegments(forward, backward);
      const isForward = new Set(forward);
      for (const [index, entry] of merged.entries()) {
        if (entry.lane === 'compute') continue;
        const computes = merged.slice(index + 1).filter(({ lane }) => lane === 'compute');
        const others = computes.filter((compute) => isForward.has(compute) !== isForward.has(entry));
        if (others.length > 0) assert.equal(computes[0], others[0]);
      }
    }),
  );
});
