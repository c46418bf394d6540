import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRandom } from '../../base/index.js';
import { createLoads, type ExpertLoads, sumWindows } from '../loads.js';
import { createMachine } from '../machine.js';
import { placeExperts } from '../place.js';
import { placeInOrder } from '../placement.js';
import { looksFitted } from './fitted.js';

const sizes = { layers: 3, experts: 32 };
const machine = createMachine({ gpus: 8, slots: 40 });

/** Windows of the same experts, each with noise of its own. */
function recordWindows(windows: number, seed: number): ExpertLoads {
  const popular = createRandom(0, 'popular');
  const rates = Array.from({ length: sizes.layers }, () =>
    Array.from({ length: sizes.experts }, () => 200 * Math.exp(0.7 * popular.normal())),
  );
  const random = createRandom(seed, 'noise');
  return createLoads(
    Array.from({ length: windows }, () =>
      rates.map((row) => row.map((rate) => Math.round(rate * Math.exp(0.2 * random.normal())))),
    ),
  );
}

describe('a placement looks made from windows', () => {
  it("where it was made from them, by our search or DeepSeek's policy, and not where from others of the same kind", () => {
    const [here, there] = [recordWindows(12, 1), recordWindows(12, 2)];
    for (const policy of ['best', 'deepseek'] as const) {
      const { placement } = placeExperts(here, machine, { policy });
      assert.equal(looksFitted(placement, here, machine), true, policy);
      assert.equal(looksFitted(placement, there, machine), false, policy);
    }
  });

  it('not where it knows no loads at all, nor where there is one window', () => {
    const here = recordWindows(12, 1);
    assert.equal(looksFitted(placeInOrder({ ...sizes, slots: 40 }), here, machine), false);
    const one = sumWindows(here);
    assert.equal(looksFitted(placeExperts(one, machine).placement, one, machine), false);
  });

  it('with GPUs that are left out too', () => {
    const part = createMachine({ gpus: 8, slots: 48, excludedGpus: [3] });
    const here = recordWindows(12, 1);
    assert.equal(looksFitted(placeExperts(here, part).placement, here, part), true);
  });
});
