import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { loadCheckpoint, loadParameters, saveCheckpoint } from './checkpoint.js';
import { openModel, readModelConfig } from './inference.js';

const tiny = 'test/fixtures/deepseek-v3-tiny';
const folder = mkdtempSync(join(tmpdir(), 'doubletrack-checkpoint-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const model = readModelConfig(tiny);
const shape = { sequences: 1, sequenceLength: 8, rows: 1, exports: [] };

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
        moments[layout.count + position + index] = Math.cos(index);
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
    assert.deepEqual(loadCheckpoint(saved, group.states), { step: 7, seed: 3 });
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
    assert.throws(() => loadCheckpoint(tiny, group.states), { name: 'InputError', message: /training\.json/ });
    assert.throws(() => loadParameters(folder, group.states), { name: 'InputError' });
    await group.close();
  });
});
