import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { createRandom } from '../base/index.js';
import { type ShareProblem, shareLoads } from './shares.js';

/** Small enough to look at every set of GPUs; an expert may lie on a GPU several times, a slot may be empty, an expert may have no tokens. */
const problems: fc.Arbitrary<ShareProblem> = fc
  .record({ gpus: fc.integer({ min: 1, max: 6 }), perGpu: fc.integer({ min: 1, max: 4 }) })
  .chain(({ gpus, perGpu }) => {
    const slots = gpus * perGpu;
    return fc
      .record({ experts: fc.integer({ min: 1, max: slots }), wishes: fc.array(fc.nat(), { minLength: slots }) })
      .chain(({ experts, wishes }) =>
        fc.record({
          gpus: fc.constant(gpus),
          gpuOfSlot: fc.constant(Int32Array.from({ length: slots }, (_, slot) => Math.floor(slot / perGpu))),
          slotToExpert: fc
            .shuffledSubarray(
              Array.from({ length: slots }, (_, slot) => slot),
              { minLength: slots },
            )
            // The first slots of the shuffle hold each expert once, so that none is nowhere.
            .map((order) => {
              const table = new Int32Array(slots);
              for (const [rank, slot] of order.entries())
                table[slot] = rank < experts ? rank : (wishes[rank] % (experts + 1)) - 1;
              return table;
            }),
          loads: fc.array(fc.oneof(fc.nat(9), fc.nat(2 ** 24)), { minLength: experts, maxLength: experts }),
        }),
      );
  });

function loadOfGpus({ loads, slotToExpert, gpuOfSlot, gpus }: ShareProblem, shares: Float64Array): Float64Array {
  const load = new Float64Array(gpus);
  for (const [slot, share] of shares.entries())
    if (slotToExpert[slot] >= 0) load[gpuOfSlot[slot]] += share * loads[slotToExpert[slot]];
  return load;
}

/** The GPUs that hold each expert, as bits. */
function holders({ loads, slotToExpert, gpuOfSlot }: ShareProblem): number[] {
  const sets = new Array<number>(loads.length).fill(0);
  for (let slot = 0; slot < slotToExpert.length; slot++)
    if (slotToExpert[slot] >= 0) sets[slotToExpert[slot]] |= 1 << gpuOfSlot[slot];
  return sets;
}

/**
 * The loads of GPUs of the most balanced split, by looking at all sets of GPUs: experts that lie only there load a set at least so much, and by the max-flow
 * min-cut theorem the densest set is the bottleneck. It is full; the rest is the same problem without it.
 */
function loadsByAllSets(problem: ShareProblem): number[] {
  const sets = holders(problem);
  const result = new Array<number>(problem.gpus).fill(0);
  for (let left = (1 << problem.gpus) - 1; left !== 0; ) {
    let [best, density] = [0, -1];
    for (let set = left; set > 0; set = (set - 1) & left) {
      const confined = sets.reduce((sum, own, expert) => {
        const rest = own & left;
        return rest !== 0 && (rest & ~set) === 0 ? sum + problem.loads[expert] : sum;
      }, 0);
      const size = set.toString(2).replaceAll('0', '').length;
      if (confined / size > density) [best, density] = [set, confined / size];
    }
    for (let gpu = 0; gpu < problem.gpus; gpu++) if ((best >> gpu) & 1) result[gpu] = density;
    left &= ~best;
  }
  return result;
}

/** As many GPUs, experts and slots as a large run has, with a few hot experts, whose replicas are where chance put them. */
function largeProblem(seed: number): ShareProblem {
  const [gpus, experts, slots] = [64, 256, 320];
  const random = createRandom(seed, 'shares');
  const loads = Array.from({ length: experts }, () => Math.floor(1000 * Math.exp(1.5 * random.normal())));
  const hottest = [...loads.keys()].sort((a, b) => loads[b] - loads[a]);
  const table = Array.from({ length: slots }, (_, slot) => (slot < experts ? slot : hottest[(slot - experts) % 40]));
  for (let slot = slots - 1; slot > 0; slot--) {
    const other = random.integer(slot + 1);
    [table[slot], table[other]] = [table[other], table[slot]];
  }
  const gpuOfSlot = Int32Array.from(table, (_, slot) => Math.floor(slot / (slots / gpus)));
  return { loads, slotToExpert: Int32Array.from(table), gpuOfSlot, gpus };
}

describe('the shares of replicas', () => {
  it('are parts of the whole, of an expert on its slots only, and the same for its slots on one GPU', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const { loads, slotToExpert, gpuOfSlot } = problem;
        const shares = shareLoads(problem);
        const sums = new Float64Array(loads.length);
        const known = new Map<string, number>();
        for (const [slot, share] of shares.entries()) {
          const expert = slotToExpert[slot];
          assert.ok(share >= 0);
          if (expert < 0) assert.equal(share, 0);
          else sums[expert] += share;
          const place = `${expert} on ${gpuOfSlot[slot]}`;
          assert.equal(share, known.get(place) ?? share);
          known.set(place, share);
        }
        for (const sum of sums) assert.ok(Math.abs(sum - 1) < 1e-12, String(sum));
      }),
    );
  });

  it('give the loads of the most balanced split, which looking at all sets of GPUs finds', () => {
    fc.assert(
      fc.property(problems, (problem) => {
        const load = loadOfGpus(problem, shareLoads(problem));
        for (const [gpu, expected] of loadsByAllSets(problem).entries())
          assert.ok(Math.abs(load[gpu] - expected) <= 1e-9 * (1 + expected), `${load} for ${loadsByAllSets(problem)}`);
      }),
    );
  });

  it('leave no way from a GPU to a less loaded one, however many there are: the proof of the optimum', () => {
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const problem = largeProblem(seed);
        const shares = shareLoads(problem);
        const load = loadOfGpus(problem, shares);
        const leastOfExpert = new Float64Array(problem.loads.length).fill(Infinity);
        for (const slot of shares.keys()) {
          const expert = problem.slotToExpert[slot];
          leastOfExpert[expert] = Math.min(leastOfExpert[expert], load[problem.gpuOfSlot[slot]]);
        }
        for (const [slot, share] of shares.entries()) {
          const [own, least] = [load[problem.gpuOfSlot[slot]], leastOfExpert[problem.slotToExpert[slot]]];
          if (share > 0) assert.ok(own <= least * (1 + 1e-9), `slot ${slot} has tokens on ${own}, not on ${least}`);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('are even where that is balanced, and where there are no tokens', () => {
    const gpuOfSlot = Int32Array.of(0, 0, 1, 1, 2, 2);
    const slotToExpert = Int32Array.of(0, 1, 0, 2, 0, 3);
    const even = [1 / 3, 1, 1 / 3, 1, 1 / 3, 1];
    for (const loads of [
      [9, 4, 4, 4],
      [0, 0, 0, 0],
    ]) {
      const shares = shareLoads({ loads, slotToExpert, gpuOfSlot, gpus: 3 });
      assert.deepEqual([...shares], even);
    }
  });

  it('keep a hot expert away from a GPU that has more than the mean without it', () => {
    const gpuOfSlot = Int32Array.of(0, 0, 1, 1, 2, 2);
    const slotToExpert = Int32Array.of(0, 1, 0, 2, 0, 3);
    const shares = shareLoads({ loads: [8, 20, 2, 4], slotToExpert, gpuOfSlot, gpus: 3 });
    assert.deepEqual([...shares], [0, 1, 5 / 8, 1, 3 / 8, 1]);
  });
});
