import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputError } from '../base/index.js';
import { defaultTrainingConfig } from '../config/index.js';
import type { SegmentTime, StepRecord } from '../simulate/index.js';
import { predictRun } from './predict.js';

const { model, data } = defaultTrainingConfig;
const config = { data, model: { ...model, numHiddenLayers: 4 } };

const segment = (phase: SegmentTime['phase'], seconds: number): SegmentTime => ({
  name: 'dense',
  phase,
  lane: 'compute',
  seconds: [seconds],
});

/** Four layers, of which the last is as long as the others together. */
const record: StepRecord = {
  version: 1,
  schedule: { name: '1f1b', ranks: 2, microbatches: 4 },
  expert: 1,
  overlap: true,
  transport: 'threads',
  layers: [
    { first: 0, end: 3 },
    { first: 3, end: 4 },
  ],
  steps: 5,
  stepSeconds: 0.05,
  tailSeconds: 0.01,
  message: { sendSeconds: 0, transferSeconds: 0, receiveSeconds: 0 },
  parts: [1, 1, 1, 3].map((seconds, layer) => ({
    part: 'layer',
    layer,
    forward: [segment('forward', seconds)],
    backward: [segment('backwardInput', seconds), segment('backwardWeight', seconds)],
  })),
};

test('a run is predicted with the layers that its stages had', () => {
  const { schedule, overlap, simulation } = predictRun(record, config);
  // (4 microbatches + 1 rank) x 3 times x 3 seconds, and the tail.
  assert.deepEqual([schedule.name, overlap, simulation.makespan], ['1f1b', true, 45.01]);
  assert.deepEqual(simulation.compute, [36.01, 36.01]);
});

test('schedule, microbatches and overlap may be other than they were', () => {
  assert.equal(predictRun(record, config, { microbatches: 8 }).simulation.makespan, 81.01);
  const dual = predictRun(record, config, { schedule: 'dualpipev', overlap: false });
  assert.deepEqual([dual.schedule.name, dual.schedule.stageToRank, dual.overlap], ['dualpipev', [0, 1, 1, 0], false]);
  // Ranks 0 and 1 hold layers 0 and 3, and 1 and 2.
  assert.deepEqual(dual.simulation.compute, [4 * 3 * 4 + 0.01, 4 * 3 * 2 + 0.01]);
});

test('a run with several stages a rank is predicted with them, and another number of them splits the layers anew', () => {
  const four = { ...record, layers: [0, 1, 2, 3].map((layer) => ({ first: layer, end: layer + 1 })) };
  const ran = { ...four, schedule: { name: 'interleaved', ranks: 2, microbatches: 4, stagesPerRank: 2 } };
  const { schedule, simulation } = predictRun(ran, config);
  assert.deepEqual(schedule.stageToRank, [0, 1, 0, 1]);
  // Ranks 0 and 1 hold layers 0 and 2, and 1 and 3.
  assert.deepEqual(simulation.compute, [4 * 3 * 2 + 0.01, 4 * 3 * 4 + 0.01]);
  assert.deepEqual(predictRun(ran, config, { stagesPerRank: 1 }).schedule.stageToRank, [0, 1]);
  assert.deepEqual(predictRun(ran, config, { schedule: 'zb-v' }).schedule.stageToRank, [0, 1, 1, 0]);
});

test('what the run cannot be is refused with the cause', () => {
  const refuse = (act: () => unknown, message: RegExp) =>
    assert.throws(act, (error: unknown) => error instanceof InputError && message.test(error.message));
  refuse(() => predictRun(record, { data, model: { ...model, numHiddenLayers: 5 } }), /of 4 layers, the config of 5/);
  refuse(() => predictRun(record, config, { schedule: 'dualpipev', microbatches: 3 }), /needs at least 4 microbatches/);
  refuse(
    () => predictRun(record, config, { schedule: 'interleaved', stagesPerRank: 3 }),
    /interleaved on 2 ranks has 6 stages, but the model has 4 layers .*: use 6 layers or more, or 1 pipeline rank, or 2 stages a rank$/,
  );
  refuse(() => predictRun(record, config, { schedule: 'none' }), /no schedule "none"/);
  refuse(() => predictRun({ ...record, layers: [{ first: 0, end: 4 }] }, config), /1 runs of layers .* 2 stages/);
});
