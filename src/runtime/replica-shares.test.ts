import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLayerShares, type LayerShares } from './replica-shares.js';
import { openSlotToExpert } from './slots.js';
import { buildRankModel, type RunSpec } from './spec.js';
import { layOutState } from './state-layout.js';
import { createTestSpec } from './test-spec.js';

const [EXPERTS, SLOTS, LAYERS] = [4, 6, 7];

/** Three ranks of two slots; expert 0 is on all of them. */
const TABLE = [0, 1, 2, 0, 0, 3];

interface Opened {
  readonly shares: LayerShares;
  readonly setLoads: (layer: number, loads: readonly number[]) => void;
  readonly setTable: (layer: number, table: readonly number[]) => void;
}

/** Without an engine: what a rank's shares are made of lies in its state memory. */
function openShares(replicaShares: RunSpec['replicaShares'], rank: number): Opened {
  const physicalToLogical = Int32Array.from({ length: SLOTS * LAYERS }, (_, index) => TABLE[index % SLOTS]);
  const placement = { layers: LAYERS, experts: EXPERTS, slots: SLOTS, physicalToLogical };
  const spec = createTestSpec({ schedule: '1f1b', ranks: 1, expert: 3, microbatches: 2, placement, replicaShares });
  const layout = layOutState(spec, rank, buildRankModel(spec, rank).stages);
  const state = new SharedArrayBuffer(layout.bytes);
  const setTable = (layer: number, table: readonly number[]) => {
    for (const slots of layout.slots) if (slots.layer === layer) openSlotToExpert(state, slots).set(table);
  };
  for (const { layer } of layout.slots) setTable(layer, TABLE);
  return {
    shares: createLayerShares(spec, rank, { state, layout }),
    setTable,
    setLoads(layer, loads) {
      for (const one of layout.loads)
        if (one.layer === layer) new Float32Array(state, one.byteOffset, one.count).set(loads);
    },
  };
}

const THIRD = 1 / 3;

describe('the shares of a rank', () => {
  it('are by the loads that the state has when a step starts, even in a layer without any', () => {
    const { shares, setLoads } = openShares('optimal', 0);
    setLoads(2, [8, 20, 2, 4]);
    shares.start();
    assert.deepEqual([...(shares.of(2)?.parts ?? [])], [0, 1, 1, 5 / 8, 3 / 8, 1]);
    assert.deepEqual([...(shares.of(3)?.parts ?? [])], [THIRD, 1, 1, THIRD, THIRD, 1]);
  });

  it('are by the placement that the state has when a step starts', () => {
    const { shares, setLoads, setTable } = openShares('optimal', 0);
    setLoads(2, [8, 20, 2, 4]);
    shares.start();
    setTable(2, [1, 0, 0, 2, 1, 3]);
    shares.start();
    // 34 tokens on 3 ranks, the middle one of which can have no more than experts 0 and 2.
    assert.deepEqual([...(shares.of(2)?.parts ?? [])], [12 / 20, 0, 1, 1, 8 / 20, 1]);
  });

  it('begin with no choice made on the first rank, and one further on each next one', () => {
    const given = [0, 1, 2].map((rank) => {
      const { shares } = openShares('optimal', rank);
      shares.start();
      return [...(shares.of(1)?.given ?? [])];
    });
    assert.deepEqual(given, [
      [0, 0, 0, 0, 0, 0],
      [1, 0, 0, 0, 0, 0],
      [1, 0, 0, 1, 0, 0],
    ]);
  });

  it('are none where the nearest replicas are to be taken', () => {
    const { shares, setLoads } = openShares('even', 0);
    setLoads(2, [8, 20, 2, 4]);
    shares.start();
    assert.equal(shares.of(2), undefined);
  });
});
