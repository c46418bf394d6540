import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Placement, placeInOrder } from '../balance/index.js';
import { parseTrainingConfig } from '../config/index.js';
import { listMomentPieces, listTensors, type RankState, startRanks } from '../runtime/index.js';
import { loadCheckpoint, loadParameters, saveCheckpoint } from './checkpoint.js';
import { openModel } from './inference.js';
import { readModelConfig } from './open-folder.js';
import { planRun } from './plan-run.js';
import { readTrainingState } from './training-state.js';

const tiny = 'test/fixtures/deepseek-v3-tiny';
const folder = mkdtempSync(join(tmpdir(), 'doubletrack-checkpoint-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const model = readModelConfig(tiny);
const shape = { sequences: 1, sequenceLength: 8, rows: 1, exports: [] };

/** On so many expert ranks the experts of each of the model's layers. */
const placements: readonly (readonly [expert: number, Placement])[] = [
  [
    2,
    {
      layers: 3,
      experts: 4,
      slots: 6,
      physicalToLogical: Int32Array.of(3, 1, 3, 0, 2, 3, 0, 1, 1, 2, 3, 1, 0, 1, 2, 3, 2, 1),
    },
  ],
  [2, placeInOrder({ layers: 3, experts: 4, slots: 8 })],
  [1, placeInOrder({ layers: 3, experts: 4, slots: 4 })],
  [4, { layers: 3, experts: 4, slots: 4, physicalToLogical: Int32Array.of(3, 1, 2, 0, 0, 2, 1, 3, 1, 0, 3, 2) }],
];

function configOn(expert: number) {
  const overrides = [
    'model.n_routed_experts=4',
    'parallel.pipeline=1',
    `parallel.expert=${expert}`,
    'parallel.shard_optimizer=true',
    'schedule.name=1f1b',
  ];
  return parseTrainingConfig({ tables: {}, where: 'a test', overrides });
}

/** Gives each number of the moments its own value, the same in all replicas. */
function fillMoments(states: readonly RankState[]): void {
  for (const { layout, state } of states) {
    const names = new Map(listTensors({ layout, state }).map(({ name, checkpointName }) => [name, checkpointName]));
    for (const { name, from, count, position } of listMomentPieces(layout)) {
      const start = [...(names.get(name) as string)].reduce(
        (sum, letter) => (31 * sum + letter.charCodeAt(0)) % 9973,
        0,
      );
      for (const [region, sign] of [
        [layout.byteOffsets.firstMoments, -1],
        [layout.byteOffsets.secondMoments, 1],
      ]) {
        const moments = new Float32Array(state, region + 4 * position, count);
        for (let index = 0; index < count; index++) moments[index] = sign * (start + from + index);
      }
    }
  }
}

function assertEqualReplicas(states: readonly RankState[]): void {
  const known = new Map<string, Float32Array>();
  for (const { layout, state } of states) {
    for (const { checkpointName, position, count } of listTensors({ layout, state })) {
      const numbers = new Float32Array(state, layout.byteOffsets.parameters + 4 * position, count);
      assert.deepEqual(numbers, known.get(checkpointName) ?? numbers, checkpointName);
      known.set(checkpointName, numbers);
    }
  }
}

describe('a checkpoint', () => {
  it("of what was loaded from Hugging Face's layout has the very same weights file and config", async () => {
    const { group } = await openModel(tiny, model, shape);
    const saved = join(folder, 'same');
    await saveCheckpoint(saved, {
      model,
      states: group.states,
      step: 0,
      seed: 0,
      sequenceLength: 8,
      tokenizer: 'bytes',
    });
    await group.close();
    assert.ok(readFileSync(join(saved, 'model.safetensors')).equals(readFileSync(join(tiny, 'model.safetensors'))));
    const { transformers_version: _, ...config } = JSON.parse(
      readFileSync(join(tiny, 'config.json'), 'utf8'),
    ) as Record<string, unknown>;
    assert.deepEqual(JSON.parse(readFileSync(join(saved, 'config.json'), 'utf8')), config);
  });

  it('brings back moments and step', async () => {
    const { group } = await openModel(tiny, model, shape);
    const [{ layout, state }] = group.states;
    const moments = new Float32Array(state, layout.byteOffsets.firstMoments, 2 * layout.count);
    for (const { position, count } of layout.tensors.values()) {
      for (let index = 0; index < count; index++) {
        moments[position + index] = Math.sin(index);
        moments[layout.count + position + index] = Math.cos(index) ** 2;
      }
    }
    const before = moments.slice();
    const saved = join(folder, 'moments');
    await saveCheckpoint(saved, {
      model,
      states: group.states,
      step: 7,
      seed: 3,
      sequenceLength: 8,
      tokenizer: 'bytes',
    });
    moments.fill(0);
    assert.equal(readTrainingState(saved).step, 7);
    loadCheckpoint(saved, model, group.states);
    assert.deepEqual(moments, before);
    await group.close();
  });

  it('of another model is refused with the tensor that does not fit', async () => {
    const other = { ...model, intermediateSize: 80 };
    await assert.rejects(openModel(tiny, other, shape), {
      name: 'InputError',
      message: /mlp\.(gate|up|down)_proj\.weight has shape/,
    });
    const { group } = await openModel(tiny, model, shape);
    assert.throws(() => readTrainingState(tiny), { name: 'InputError', message: /training\.json/ });
    assert.throws(() => loadParameters(folder, group.states), { name: 'InputError' });
    await group.close();
  });
});

describe('the loads in a checkpoint', () => {
  it('are those of its step, and refused where they are no counts of tokens', async () => {
    const { group } = await openModel(tiny, model, shape);
    const [{ layout, state }] = group.states;
    const loads = layout.loads.map(({ byteOffset, count }) => new Float32Array(state, byteOffset, count));
    const content = { model, states: group.states, step: 7, seed: 3, sequenceLength: 8, tokenizer: 'bytes' };
    for (const [index, counts] of loads.entries()) counts.fill(10 + index);
    await saveCheckpoint(join(folder, 'loads'), content);
    for (const counts of loads) counts.fill(0);
    loadCheckpoint(join(folder, 'loads'), model, group.states);
    for (const [index, counts] of loads.entries()) assert.deepEqual(new Set(counts), new Set([10 + index]));
    for (const [index, bad] of [-1, 0.5, Number.NaN, Infinity].entries()) {
      loads[0][0] = bad;
      await saveCheckpoint(join(folder, `loads-${index}`), content);
      assert.throws(() => loadCheckpoint(join(folder, `loads-${index}`), model, group.states), {
        name: 'InputError',
        message: /tensor load\.\d+ has a load of/,
      });
    }
    await group.close();
  });
});

describe('a checkpoint of experts with replicas', () => {
  it('is the same file whatever placement it is saved with, and fills all replicas', async () => {
    const files = ['model.safetensors', 'optimizer.safetensors'];
    const readFiles = (saved: string) => files.map((file) => readFileSync(join(saved, file)));
    const first = join(folder, 'placement-0');
    for (const [index, [expert, placement]] of placements.entries()) {
      const spec = { ...planRun(configOn(expert)), placement };
      const group = await startRanks(spec);
      await group.call('initialize', index);
      if (index === 0) fillMoments(group.states);
      else loadCheckpoint(first, spec.model, group.states);
      const saved = join(folder, `placement-${index}`);
      const content = { model: spec.model, states: group.states, step: 7, seed: 3, sequenceLength: 8 };
      await saveCheckpoint(saved, { ...content, tokenizer: 'bytes' });
      assert.deepEqual(readFiles(saved), readFiles(first));
      assertEqualReplicas(group.states);
      await group.close();
    }
  });
});
