import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scheduleNames } from '../config/index.js';
import { flattenSchedule } from './flat.js';
import { generateSchedule } from './generators/generate.js';
import { writeSchedule } from './writer.js';

const shape = { name: 'written', ranks: 2, microbatches: 2, pipelines: [[0, 1]], stageToRank: [0, 1] };

test('a written schedule has the actions in the order in which they were given', () => {
  const schedule = writeSchedule(shape, (rank, writer) => {
    writer.forward(rank, 0);
    writer.overlap(rank, 1, rank, 0);
    writer.backwardInput(rank, 1);
    writer.backwardWeight(rank, 1);
  });
  const chunk = (kind: string, microbatch: number) => ({ kind, stage: 1, microbatch });
  assert.equal(schedule.actions.length, 2);
  assert.deepEqual(schedule.actions[1], [
    chunk('forward', 0),
    { kind: 'overlap', forward: chunk('forward', 1), backward: chunk('backward', 0) },
    chunk('backwardInput', 1),
    chunk('backwardWeight', 1),
  ]);
});

test('columns made while writing are the ones that its actions give', () => {
  for (const name of scheduleNames) {
    const schedule = generateSchedule({ name, ranks: 4, microbatches: 12 });
    const copy = structuredClone(schedule);
    assert.deepEqual(copy, { ...schedule });
    assert.deepEqual(flattenSchedule(copy), flattenSchedule(schedule));
  }
});

test('more actions than two a chunk are taken', () => {
  const schedule = writeSchedule({ ...shape, ranks: 1, pipelines: [[0]], stageToRank: [0] }, (_, writer) => {
    for (let repeat = 0; repeat < 100; repeat++) writer.backward(0, repeat % 2);
  });
  assert.equal(schedule.actions[0]?.length, 100);
  assert.deepEqual(schedule.actions[0]?.[99], { kind: 'backward', stage: 0, microbatch: 1 });
});
