import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRouter, type Routing, type RoutingShape } from './routing.js';

function createRouting({ sequences, tokens, experts, slots, choices }: RoutingShape): Routing {
  const rows = tokens * choices;
  const integers = (length: number) => new Int32Array(length);
  return {
    choiceToScore: integers(rows),
    rowToChoice: integers(rows),
    rowToToken: integers(rows),
    choiceToRow: integers(rows),
    slotOffsets: integers(slots + 1),
    loadFractions: new Float32Array(sequences * experts),
  };
}

const shapes = fc
  .record({
    sequences: fc.integer({ min: 1, max: 3 }),
    length: fc.integer({ min: 1, max: 6 }),
    groups: fc.integer({ min: 1, max: 3 }),
    size: fc.integer({ min: 2, max: 4 }),
    chosenGroups: fc.integer({ min: 1, max: 3 }),
    choices: fc.integer({ min: 1, max: 4 }),
  })
  .filter(({ groups, chosenGroups, size, choices }) => chosenGroups <= groups && choices <= chosenGroups * size)
  .map(({ length, size, ...shape }) => {
    const experts = shape.groups * size;
    return { ...shape, ...onOneRank(experts), tokens: shape.sequences * length };
  });

/** Every expert in a slot of its own. */
function onOneRank(experts: number) {
  return { experts, slots: experts, local: { first: 0, end: experts }, nodeOfRank: [0] };
}

const inOrder = (experts: number) => Int32Array.from({ length: experts }, (_, slot) => slot);

/** The experts of one token by the definition: sort groups by their two best, then experts by score. */
function chooseByDefinition(shape: RoutingShape, biased: readonly number[]): number[] {
  const size = shape.experts / shape.groups;
  const byValue = (values: readonly number[]) =>
    values.map((_, index) => index).sort((a, b) => values[b] - values[a] || a - b);
  const groupScores = Array.from({ length: shape.groups }, (_, group) => {
    const [first, second] = biased.slice(group * size, (group + 1) * size).sort((a, b) => b - a);
    return first + second;
  });
  const groups = byValue(groupScores).slice(0, shape.chosenGroups);
  const allowed = byValue(biased).filter((expert) => groups.includes(Math.floor(expert / size)));
  return allowed.slice(0, shape.choices).sort((a, b) => a - b);
}

describe('routing', () => {
  const cases = shapes.chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      scores: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), {
        minLength: shape.tokens * shape.experts,
        maxLength: shape.tokens * shape.experts,
      }),
      bias: fc.array(fc.double({ min: -0.2, max: 0.2, noNaN: true }), {
        minLength: shape.experts,
        maxLength: shape.experts,
      }),
    }),
  );

  it('sends each token to its best experts of its best groups', () => {
    fc.assert(
      fc.property(cases, ({ shape, scores, bias }) => {
        const [s, b, routing] = [Float32Array.from(scores), Float32Array.from(bias), createRouting(shape)];
        createRouter(shape)(s, b, inOrder(shape.experts), routing);
        for (let token = 0; token < shape.tokens; token++) {
          const biased = Array.from({ length: shape.experts }, (_, expert) =>
            Math.fround(s[token * shape.experts + expert] + b[expert]),
          );
          const chosen = [...routing.choiceToScore.subarray(token * shape.choices, (token + 1) * shape.choices)];
          assert.deepEqual(
            chosen.map((position) => position - token * shape.experts),
            chooseByDefinition(shape, biased),
          );
        }
      }),
    );
  });

  it('sorts rows by slot and token, with index tensors that undo each other', () => {
    fc.assert(
      fc.property(cases, ({ shape, scores, bias }) => {
        const routing = createRouting(shape);
        const { experts } = shape;
        // Backwards, so that a slot is not its expert.
        const slotToExpert = inOrder(experts).reverse();
        createRouter(shape)(Float32Array.from(scores), Float32Array.from(bias), slotToExpert, routing);
        const { rowToChoice, choiceToRow, rowToToken, choiceToScore, slotOffsets, loadFractions } = routing;
        const rows = shape.tokens * shape.choices;
        assert.equal(slotOffsets[experts], rows);
        for (let row = 0; row < rows; row++) {
          assert.equal(choiceToRow[rowToChoice[row]], row);
          assert.equal(rowToToken[row], Math.floor(rowToChoice[row] / shape.choices));
          const slot = slotToExpert.indexOf(choiceToScore[rowToChoice[row]] % experts);
          assert.ok(row >= slotOffsets[slot] && row < slotOffsets[slot + 1]);
          if (row > slotOffsets[slot]) assert.ok(rowToToken[row] > rowToToken[row - 1]);
        }
        const mean = loadFractions.reduce((sum, value) => sum + value, 0) / loadFractions.length;
        assert.ok(Math.abs(mean - 1) < 1e-5);
      }),
    );
  });

  it('stays well formed when a score is not a number', () => {
    const shape = { sequences: 1, tokens: 2, ...onOneRank(4), choices: 2, groups: 1, chosenGroups: 1 };
    const routing = createRouting(shape);
    createRouter(shape)(new Float32Array(8).fill(Number.NaN), new Float32Array(4), inOrder(4), routing);
    assert.deepEqual([...routing.choiceToScore], [0, 1, 4, 5]);
  });
});
