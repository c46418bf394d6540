import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createMachine, placeInOrder } from '../../balance/index.js';
import { createRandom } from '../../base/index.js';
import { decideRebalance, type RebalanceRequest } from './rebalance.js';
import { addStep, createLoadWindow, type LoadWindow } from './window.js';

const layers = [1, 3];
const experts = 8;

/** A window of `steps` steps, in which expert e of a layer gets about `shares[e]` tokens. */
function windowOf(steps: number, shares: readonly (readonly number[])[]): LoadWindow {
  let window = createLoadWindow({ layers, experts, interval: 20 });
  for (let step = 11; step <= 10 + steps; step++) {
    const random = createRandom(1, step);
    const counts = layers.map((layer, index) => {
      return [layer, shares[index].map((share) => Math.round(share * (1 + 0.02 * random.normal())))] as const;
    });
    window = addStep(window, step, new Map(counts));
  }
  return window;
}

const hot = [4000, 3000, 1000, 1000, 500, 500, 500, 500];
const even = new Array<number>(experts).fill(1000);

function requestOf(window: LoadWindow, changes: Partial<RebalanceRequest> = {}): RebalanceRequest {
  return {
    step: 100,
    window,
    machine: createMachine({ gpus: 4, slots: 8 }),
    dispatch: 'even',
    current: placeInOrder({ layers: 2, experts, slots: 8 }),
    policy: 'best',
    seed: 0,
    stepsPerMove: 0.01,
    expertSeconds: 0.5,
    halfLifeSteps: 25,
    stepsAhead: 50,
    ...changes,
  };
}

it('moves the layer that gains, and says what, how far and for how much', () => {
  const decision = decideRebalance(requestOf(windowOf(16, [even, hot])));
  assert.ok(decision?.pending !== undefined);
  assert.deepEqual(
    decision.layers.map(({ layer }) => layer),
    [3],
  );
  assert.deepEqual(
    [...decision.pending.target.physicalToLogical.subarray(0, 8)],
    [...decision.current.physicalToLogical.subarray(0, 8)],
  );
  assert.equal(decision.pending.gains[0], 0);
  assert.ok(decision.pending.gains[1] > 0);
  assert.equal(decision.moves, decision.layers[0].moves);
  assert.ok(Math.abs(decision.costSeconds - decision.moves * 0.01 * 0.5) < 1e-12);
  const saved = 1 / decision.before.ratioOfSums - 1 / decision.after.ratioOfSums;
  assert.ok(Math.abs(decision.gainSeconds - saved * 50 * 0.5) < 1e-9);
  assert.match(
    decision.reason,
    /^moves \d replicas of 1 layer: slowest rank 1\.\d\dx -> 1\.\d\dx the mean, saves [\d.]+ s ± [\d.]+ (s|ms|μs|µs) until the next, on steps that it was not placed by, for [\d.]+ ms of moving$/,
  );
});

it('reports the imbalance of experts beside that of ranks', () => {
  const decision = decideRebalance(requestOf(windowOf(16, [hot, hot])));
  assert.ok(Math.abs(decision!.experts.ratioOfSums - 11_000 / 8 / 4000) < 0.02);
  assert.ok(decision!.before.ratioOfSums > decision!.experts.ratioOfSums);
});

it('keeps what is even, or would gain little, or not what it costs, and says so', () => {
  const reasonOf = (request: RebalanceRequest) => {
    const decision = decideRebalance(request);
    assert.equal(decision?.pending, undefined);
    assert.equal(decision?.moves, 0);
    assert.deepEqual(decision?.after, decision?.before);
    return decision?.reason;
  };
  const dear = reasonOf(requestOf(windowOf(16, [hot, hot]), { stepsPerMove: 1000 }));
  assert.match(dear!, /^keeps: slowest rank \d\.\d\dx the mean, a layer would gain [\d.]+%, less than its moves take$/);
  const almost = [1000, 1015, 990, 995, 1000, 1005, 1000, 995];
  const small = reasonOf(requestOf(windowOf(16, [almost, almost])));
  assert.match(
    small!,
    /^keeps: slowest rank 1\.0\dx the mean, (no layer could gain 2%|nothing better was found|a layer would gain .*)$/,
  );
});

it('waits until there is something to decide from, and decides nothing that has no time to pay', () => {
  assert.equal(decideRebalance(requestOf(windowOf(7, [hot, hot]))), undefined);
  assert.notEqual(decideRebalance(requestOf(windowOf(8, [hot, hot]))), undefined);
  assert.equal(decideRebalance(requestOf(windowOf(16, [hot, hot]), { stepsAhead: 0 })), undefined);
});

it('decides the same whatever time computing took', () => {
  const window = windowOf(16, [hot, even]);
  const [fast, slow] = [0.1, 0.7].map((expertSeconds) => decideRebalance(requestOf(window, { expertSeconds })));
  assert.deepEqual(fast?.pending, slow?.pending);
});

it('says how much loads change from step to step', () => {
  const noisy = decideRebalance(requestOf(windowOf(16, [even, hot])))?.variation ?? 0;
  // The window's counts are normal with a deviation of 2%.
  assert.ok(noisy > 0.01 && noisy < 0.03, String(noisy));
});
