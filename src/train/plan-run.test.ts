import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { defaultTrainingConfig, formatTrainingConfig, parseTrainingConfig } from '../config/index.js';
import { parseToml } from '../formats/index.js';
import { scheduleNames } from '../schedule/index.js';
import { planRun, planSchedule } from './plan-run.js';

const model = { ...defaultTrainingConfig.model, numHiddenLayers: 6 };

test('every schedule there is can be named in a config, written and read again, and planned', () => {
  for (const name of scheduleNames) {
    const config = parseTrainingConfig({ tables: {}, where: 'defaults', overrides: [`schedule.name=${name}`] });
    const written = parseToml(formatTrainingConfig(config), 'written');
    assert.deepEqual(parseTrainingConfig({ tables: written, where: 'written' }), config);
    assert.equal(planRun(config).schedule.name, name);
  }
});

test('stages_per_rank is how many stages interleaved has on a rank, 2 if it does not say', () => {
  const stagesOf = (...overrides: string[]) =>
    planRun(parseTrainingConfig({ tables: {}, where: '', overrides: ['schedule.name=interleaved', ...overrides] }))
      .schedule.stageToRank;
  assert.deepEqual(stagesOf(), [0, 1, 0, 1]);
  assert.deepEqual(stagesOf('model.num_hidden_layers=6', 'schedule.stages_per_rank=3'), [0, 1, 0, 1, 0, 1]);
});

test('experts move only where there are some', () => {
  const movesExperts = (...overrides: string[]) =>
    planRun(parseTrainingConfig({ tables: {}, where: '', overrides: ['parallel.expert=2', ...overrides] }))
      .movesExperts;
  assert.equal(movesExperts('balance.interval=5', 'model.first_k_dense_replace=3'), true);
  assert.equal(movesExperts('balance.interval=5', 'model.first_k_dense_replace=4'), false);
  assert.equal(movesExperts('balance.interval=0'), false);
});

test('a model with too few layers is refused with the nearest counts that work', () => {
  const refusals: [string, number, number, RegExp][] = [
    [
      '1f1b',
      8,
      8,
      /^1f1b on 8 ranks has 8 stages, but the model has 6 layers \(.*\): use 8 layers or more, or 6 pipeline ranks$/,
    ],
    ['zb-v', 4, 8, /has 8 stages, .*: use 8 layers or more, or 3 pipeline ranks$/],
    ['interleaved', 4, 8, /: use 8 layers or more, or 3 pipeline ranks, or 1 stage a rank$/],
    ['interleaved', 8, 8, /: use 16 layers or more, or 3 pipeline ranks$/],
    ['dualpipe', 8, 16, /has 8 stages, .*: use 8 layers or more, or 6 pipeline ranks$/],
  ];
  for (const [name, ranks, microbatches, message] of refusals) {
    assert.throws(
      () => planSchedule({ name, ranks, microbatches }, model, 128),
      (error: unknown) => error instanceof InputError && message.test(error.message),
      name,
    );
  }
});
