import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultTrainingConfig, modelFlops } from '../config/index.js';
import { createUtilization, sumMemory } from './utilization.js';

const config = { ...defaultTrainingConfig, parallel: { ...defaultTrainingConfig.parallel, pipeline: 4 } };
const { trainingFlopsPerToken } = modelFlops(config.model, config.data.sequenceLength);
const gflops = (100 * trainingFlopsPerToken) / 1e9;

function open(options: { readonly isLeader?: boolean; readonly ranksHere?: number } = {}) {
  const state = { seconds: 0, measured: 0 };
  const { isLeader = true, ranksHere } = options;
  const utilization = createUtilization(config, {
    isLeader,
    launch: ranksHere === undefined ? undefined : { rank: 0, ranks: 4, host: { rank: 0, ranks: ranksHere } },
    cores: 2,
    clock: () => state.seconds,
    measurePeak() {
      state.measured++;
      return 10;
    },
  });
  return { state, utilization };
}

test('the peak is measured once, when the run has lasted long enough, and never by others than the leader', () => {
  const { state, utilization } = open();
  assert.deepEqual(utilization.rate(100), { gflops });
  state.seconds = 60;
  // Four ranks have two cores.
  assert.deepEqual(utilization.rate(100), { gflops, mfu: gflops / 20 });
  state.seconds = 600;
  utilization.rate(100);
  assert.equal(state.measured, 1);
  const other = open({ isLeader: false });
  other.state.seconds = 60;
  assert.deepEqual(other.utilization.rate(100), { gflops });
});

test('over MPI every machine has as many cores as this one', () => {
  const { state, utilization } = open({ ranksHere: 1 });
  state.seconds = 60;
  assert.equal(utilization.rate(100).mfu, gflops / 40);
});

test('memory of threads is that of their process, over MPI that of all processes', () => {
  const reports = [{ peakMemoryBytes: 5 }, { peakMemoryBytes: 6 }];
  assert.equal(sumMemory(reports, undefined), 6);
  assert.equal(sumMemory(reports, { rank: 0, ranks: 2, host: { rank: 0, ranks: 2 } }), 11);
});
