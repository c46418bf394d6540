import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { InputError } from '../base/index.js';
import { rebalanceExperts } from './deepseek.js';

interface GoldenCase {
  readonly load: string;
  readonly num_replicas: number;
  readonly num_groups: number;
  readonly num_nodes: number;
  readonly num_gpus: number;
  readonly weight: number[][];
  readonly phy2log: number[][];
  readonly log2phy: number[][][];
  readonly logcnt: number[][];
}

const golden = JSON.parse(gunzipSync(readFileSync('test/fixtures/eplb.json.gz')).toString()) as GoldenCase[];

describe("DeepSeek's EPLB", () => {
  assert.equal(golden.length, 60);
  for (const { load, weight, phy2log, log2phy, logcnt, ...sizes } of golden) {
    const experts = weight[0]!.length;
    const name = `${load}, ${experts} experts, ${sizes.num_replicas} slots, ${sizes.num_groups} groups, ${sizes.num_nodes} nodes, ${sizes.num_gpus} gpus`;
    it(`gives the reference's placement of ${name}`, () => {
      const result = rebalanceExperts(Float32Array.from(weight.flat()), {
        layers: weight.length,
        experts,
        slots: sizes.num_replicas,
        groups: sizes.num_groups,
        nodes: sizes.num_nodes,
        gpus: sizes.num_gpus,
      });
      assert.deepEqual([...result.physicalToLogical], phy2log.flat());
      assert.deepEqual([...result.replicas], logcnt.flat());
      assert.equal(result.maxReplicas, log2phy[0]![0]!.length);
      assert.deepEqual([...result.logicalToPhysical], log2phy.flat(2));
    });
  }

  const shape = { layers: 1, experts: 4, slots: 6, groups: 1, nodes: 1, gpus: 2 };
  for (const [weight, sizes, message] of [
    [[1, 2, -1, 4], {}, /the load of layer 0, expert 2 is -1: give a finite number, 0 or more/],
    [[1, 2, 3, Number.NaN], {}, /layer 0, expert 3 is NaN/],
    [[1, 2, 3, Number.POSITIVE_INFINITY], {}, /layer 0, expert 3 is Infinity/],
    [[1, 2, 3], {}, /3 weights for 1 layers and 4 experts: give 4/],
    [[1, 2, 3, 4], { slots: 3, gpus: 1 }, /3 slots cannot hold 4 experts/],
    [[1, 2, 3, 4], { gpus: 4 }, /6 slots do not divide by 4 gpus/],
    [[1, 2, 3, 4], { groups: 3 }, /4 experts do not divide by 3 groups/],
    [[1, 2, 3, 4], { gpus: 0 }, /gpus is 0: use a positive whole number/],
  ] as const) {
    it(`refuses what says ${message}`, () => {
      assert.throws(
        () => rebalanceExperts(Float64Array.from(weight), { ...shape, ...sizes }),
        (error: unknown) => {
          assert.ok(error instanceof InputError);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }
});
