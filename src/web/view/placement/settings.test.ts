import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findFacts, type LoadsFacts } from './facts.js';
import {
  describeSlots,
  findPlacementRefusals,
  parseGpuList,
  placementLimits,
  readPlacementSettings,
  readReadSettings,
} from './settings.js';
import { readLoads, twoLayers } from './test-loads.js';

const facts = findFacts(readLoads(twoLayers), undefined);
const settle = (parameters: Record<string, string>, more: Partial<LoadsFacts> = {}) =>
  readPlacementSettings(parameters, { ...facts, ...more });

describe('the settings in an address', () => {
  it('are as usual where it has none', () => {
    assert.deepEqual(settle({}), {
      gpus: 8,
      slots: 16,
      nodes: 1,
      groups: 1,
      policy: 'best',
      strategy: 'auto',
      objective: undefined,
      excludedGpus: [],
      normalize: false,
      layerOffset: undefined,
      mostMoves: undefined,
      cost: undefined,
    });
    assert.deepEqual(readReadSettings({}), { part: '', trimWarmup: false, experts: undefined });
  });

  it('are as usual where it has what is no such thing', () => {
    const nonsense = { gpus: '0', slots: '1.5', nodes: 'x', groups: '-1', policy: 'worst', strategy: '', exclude: 'a' };
    assert.deepEqual(settle({ ...nonsense, robust: 'mean', moves: '3' }), settle({}));
    assert.equal(readReadSettings({ experts: '1e9', trim: 'yes' }).experts, undefined);
  });

  it('are refused by name where they are no such thing', () => {
    const refused = (parameters: Record<string, string>) =>
      findPlacementRefusals(parameters, facts).map(({ name }) => name);
    const wrong = { gpus: '0', slots: '1.5', nodes: 'x', groups: '-1', policy: 'worst', exclude: 'a', trim: 'yes' };
    assert.deepEqual(new Set(refused({ ...wrong, format: 'x' })), new Set([...Object.keys(wrong), 'format']));
    const right = { gpus: '4', policy: 'best', robust: 'mean', exclude: '1, 2', layer: '3', part: 'a/b' };
    assert.deepEqual(refused(right), []);
  });
});

describe('the sizes in an address', () => {
  it('have slots for each expert on the GPUs that are used, and an eighth more', () => {
    assert.equal(settle({}, { experts: 64 }).slots, 72);
    assert.equal(settle({ gpus: '32' }, { experts: 256 }).slots, 288);
    assert.equal(settle({ exclude: '0,1, 1,99' }, { experts: 48 }).slots, 72);
    for (let gpus = 1; gpus <= 64; gpus++) {
      const { slots } = settle({ gpus: String(gpus) }, { experts: 61 });
      assert.ok(slots % gpus === 0 && slots > 61 && slots <= 61 * (9 / 8) + gpus, `${slots} slots for ${gpus} GPUs`);
    }
    assert.ok(settle({ gpus: '4096' }, { experts: 65_536 }).slots <= placementLimits.slots);
  });

  it('lie on what a placement that is known lies on', () => {
    assert.deepEqual(sizes(settle({}, { recordedSlots: 6 })), [6, 6]);
    assert.deepEqual(sizes(settle({}, { recordedSlots: 80 })), [8, 80]);
    const current = { format: 'json', layers: 2, slots: 12, gpus: 4, countsExpertLayers: true };
    assert.deepEqual(sizes(settle({}, { recordedSlots: 80, current })), [4, 12]);
    assert.deepEqual(sizes(settle({ gpus: '2' }, { current })), [2, 12]);
    assert.deepEqual(sizes(settle({ gpus: '2', slots: '20' }, { current })), [2, 20]);
  });

  it('leave out what means nothing for these loads', () => {
    assert.equal(settle({ robust: 'worst' }, { windows: 3 }).objective, 'worst');
    const deepseek = settle({ policy: 'deepseek', robust: 'worst', strategy: 'global' }, { windows: 3 });
    assert.deepEqual([deepseek.objective, deepseek.strategy], [undefined, 'auto']);
    assert.equal(settle({ normalize: '1' }).normalize, false);
    assert.equal(settle({ offset: 'x' }).layerOffset, undefined);
    assert.equal(settle({ offset: '' }, { countsExpertLayers: true }).layerOffset, undefined);
    assert.equal(settle({ offset: '0' }, { countsExpertLayers: true }).layerOffset, 0);
    assert.equal(settle({ offset: '3' }).layerOffset, 3);
    const current = { format: 'json', layers: 2, slots: 16, gpus: 8, countsExpertLayers: true };
    const moving = settle({ moves: '0', pays: '1', interval: '60' }, { current });
    assert.deepEqual([moving.mostMoves, moving.cost], [0, { secondsPerMove: 0.1, intervalSeconds: 60 }]);
  });

  it('name GPUs with commas between them', () => {
    assert.deepEqual(parseGpuList(' 3, 7 '), [3, 7]);
    assert.deepEqual(parseGpuList(''), []);
    for (const text of ['3,', '3 7', '-1', '1.5', 'x']) assert.equal(parseGpuList(text), undefined);
  });
});

const sizes = ({ gpus, slots }: ReturnType<typeof settle>) => [gpus, slots];

it('slots are told with what they leave for second replicas, of which excluded GPUs have none', () => {
  const say = (slots: number, excludedGpus: readonly number[]) => describeSlots({ gpus: 8, slots, excludedGpus }, 64);
  assert.equal(say(88, []), 'All GPUs together: 11 a GPU, 24 for second replicas.');
  assert.equal(say(88, [3, 3, 99]), 'All GPUs together: 11 a GPU, 13 for second replicas.');
  assert.equal(say(64, [0]), 'All GPUs together: 8 a GPU, 8 fewer than experts.');
  assert.equal(say(63, []), 'All GPUs together: 1 fewer than experts.');
});
