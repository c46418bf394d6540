import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../../base/index.js';
import { type Pickled, writeTorch } from '../test-torch.js';
import { files, read, readBytes, refuses, rowsOf } from './test-files.js';

const fixture = new Uint8Array(readFileSync('test/fixtures/placements/expert_map.pth'));

describe('an expert map', () => {
  it('says in which slot of a rank an expert lies', () => {
    const recorded = readBytes(fixture, 8);
    assert.deepEqual(rowsOf(recorded), [
      [0, 1, 2, 3, 4, 5, 6, 7],
      [0, 1, 2, 3, 4, 5, 6, 7],
    ]);
    assert.deepEqual([recorded.format, recorded.slotStarts, recorded.layerNumbering], ['expert map', [0, 4, 8], 'moe']);
  });

  it('of any placement with no expert twice on a rank gives it back, as tensor and as lists', () => {
    fc.assert(
      fc.property(files, fc.integer({ min: 0, max: 3 }), ({ placement, slotStarts }, more) => {
        const { layers, experts, slots, physicalToLogical } = placement;
        const [ranks, width] = [slotStarts.length - 1, experts + more];
        if (ranks === 1) return;
        const map = Int32Array.from({ length: layers * ranks * width }, () => -1);
        for (let index = 0; index < layers * slots; index++) {
          const [layer, slot] = [Math.floor(index / slots), index % slots];
          const rank = Math.floor(slot / (slots / ranks));
          map[(layer * ranks + rank) * width + physicalToLogical[index]] = slot % (slots / ranks);
        }
        // Every rank has every expert: a table of slots looks the same.
        if (!map.includes(-1)) return;
        const lists = Array.from({ length: layers }, (_, layer) =>
          Array.from({ length: ranks }, (_, rank) => [
            ...map.subarray((layer * ranks + rank) * width, (layer * ranks + rank + 1) * width),
          ]),
        );
        const tensor: Pickled = { storage: 'IntStorage', data: map, shape: [layers, ranks, width] };
        for (const recorded of [readBytes(writeTorch(tensor), experts), read(JSON.stringify(lists), experts)]) {
          assert.deepEqual(recorded.placement, placement);
          assert.deepEqual(recorded.slotStarts, [...slotStarts]);
          assert.deepEqual(recorded.notes, []);
        }
      }),
    );
  });

  it('may have ranks with different numbers of experts', () => {
    const recorded = read('[[[0, 1, 2, -1, -1], [-1, -1, -1, 1, 0]]]', 5);
    assert.deepEqual([rowsOf(recorded), recorded.slotStarts], [[[0, 1, 2, 4, 3]], [0, 3, 5]]);
  });

  it('leaves a slot empty for which it names no expert, and says so', () => {
    const recorded = read('[[[0, 2, -1, -1], [-1, -1, 0, 1]]]');
    assert.deepEqual(rowsOf(recorded), [[0, -1, 1, 2, 3]]);
    assert.match(
      recorded.notes.join(),
      /1 slots of layer 0 hold nothing.*cannot name an expert that is twice on a rank/,
    );
  });
});

describe('an expert map is refused', () => {
  const wrong: readonly (readonly [name: string, text: string, message: RegExp])[] = [
    [
      'two experts in a slot',
      '[[[0, 0, -1, -1], [-1, -1, 0, 1]]]',
      /layer 0, rank 0: experts 0 and 1 are both in its slot 0/,
    ],
    ['a slot that is none', '[[[0, 1.5, -1, -1], [-1, -1, 0, 1]]]', /layer 0, rank 0: the slot of expert 1 is 1\.5/],
    ['an expert nowhere', '[[[0, -1, -1, -1], [-1, -1, 0, 1]]]', /layer 0 has no slot for expert 1/],
    ['slots beyond any machine', '[[[0, 900000000, -1, -1], [-1, -1, 0, 1]]]', /1 layers of 900000003 slots/],
    ['maps of fewer experts', '[[[0, 1, -1], [-1, -1, 0]]]', /its maps are of 3 experts, the loads have 4/],
    [
      'maps of more experts',
      '[[[0, 1, -1, -1, 2], [-1, -1, 0, 1, -1]]]',
      /its maps are of 5 experts, the loads have 4/,
    ],
  ];
  for (const [name, text, message] of wrong) it(`with ${name}`, () => refuses(() => read(text), message));

  it('where it is damaged, in one line and with nothing else', () => {
    const damage = fc.record({ at: fc.nat(fixture.length - 1), to: fc.nat(255), cut: fc.nat(40) });
    fc.assert(
      fc.property(damage, ({ at, to, cut }) => {
        const bytes = fixture
          .map((byte, index) => (index === at ? to : byte))
          .subarray(0, fixture.length - (cut > 3 ? 0 : cut));
        try {
          const { placement } = readBytes(bytes, 8);
          assert.equal(placement.physicalToLogical.length, placement.layers * placement.slots);
        } catch (error) {
          if (!(error instanceof InputError)) throw error;
          assert.match(error.message, /^[^\n]+\(file[^\n]*$/);
        }
      }),
      { numRuns: 300 },
    );
  });
});
