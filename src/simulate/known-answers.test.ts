import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateSchedule } from '../schedule/index.js';
import { simulate, unitCosts } from './index.js';

const golden = generateSchedule({ name: 'dualpipev', ranks: 4, microbatches: 10 });
const close = (actual: number, expected: number, what: string) =>
  assert.ok(Math.abs(actual - expected) < 1e-9, `${what}: ${actual} instead of ${expected}`);

/** Forward, backward input, backward weight, overlapped pair -> idle of each rank, makespan (found with an independent simulator). */
const knownTimes: [[number, number, number, number], number[], number][] = [
  [[1, 1, 1, 3], [6, 6, 6, 6], 66],
  [[1, 1, 1, 2.5], [3.5, 4, 4.5, 4.5], 59],
  [[1, 1, 1, 2], [1, 2, 3, 3], 52],
  [[2, 3, 1, 5], [14, 15, 16, 16], 125],
  [[1, 1.5, 0.5, 2.4], [6.5, 7.1, 7.7, 7.7], 61.1],
];

for (const [[forward, backwardInput, backwardWeight, overlapped], idle, makespan] of knownTimes) {
  test(`dualpipev on 4 ranks with times ${forward}, ${backwardInput}, ${backwardWeight}, pairs of ${overlapped} takes ${makespan}`, () => {
    const result = simulate(golden, { forward, backwardInput, backwardWeight, overlapped, p2p: 0 });
    close(result.makespan, makespan, 'makespan');
    for (const [rank, time] of result.idle.entries()) close(time, idle[rank] as number, `idle of rank ${rank}`);
    assert.deepEqual(result.peakActivations, [9, 9, 9, 9]);
  });
}

/** name, ranks, microbatches -> makespan, idle of every rank, at unit costs. */
const knownSchedules: [string, number, number, number, number][] = [
  ['dualpipe', 8, 20, 66, 6],
  ['dualpipe', 16, 64, 206, 14],
  ['dualpipev', 4, 10, 66, 6],
  ['dualpipev', 8, 20, 134, 14],
  ['dualpipev', 64, 128, 894, 126],
  ['dualpipe', 16, 120, 374, 14],
  ['dualpipe', 16, 960, 2894, 14],
  ['zb-h1', 8, 20, 67, 7],
  ['zb-h1', 16, 64, 207, 15],
  ['1f1b', 8, 20, 81, 21],
  ['1f1b', 16, 64, 237, 45],
  ['gpipe', 4, 8, 33, 9],
];

for (const [name, ranks, microbatches, makespan, idle] of knownSchedules) {
  test(`${name} on ${ranks} ranks with ${microbatches} microbatches takes ${makespan}, idle ${idle} on every rank`, () => {
    const result = simulate(generateSchedule({ name, ranks, microbatches }), unitCosts);
    assert.equal(result.makespan, makespan);
    assert.deepEqual(result.idle, Array(ranks).fill(idle));
    assert.equal(result.bubble, idle / makespan);
    assert.deepEqual(result.busy, Array(ranks).fill(makespan - idle));
    const { warmUp, waiting, exposedCommunication, coolDown } = result.idleByCause;
    const causes = warmUp.map((time, rank) => time + waiting[rank]! + exposedCommunication[rank]! + coolDown[rank]!);
    assert.deepEqual(causes, result.idle);
  });
}
