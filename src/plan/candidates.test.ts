import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { defaultTrainingConfig, sequencesPerStep, type TrainingConfig } from '../config/index.js';
import { listCandidates, withOtherAffinity } from './candidates.js';

const configs: fc.Arbitrary<TrainingConfig> = fc
  .record({
    parallel: fc.record({
      pipeline: fc.integer({ min: 1, max: 6 }),
      expert: fc.integer({ min: 1, max: 4 }),
      computeThreads: fc.integer({ min: 1, max: 4 }),
    }),
    schedule: fc.record({
      name: fc.constantFrom(
        'gpipe' as const,
        '1f1b' as const,
        'interleaved' as const,
        'zb-v' as const,
        'dualpipev' as const,
      ),
      stagesPerRank: fc.constant(0),
      microbatches: fc.integer({ min: 1, max: 24 }),
      microbatchSize: fc.integer({ min: 1, max: 12 }),
    }),
  })
  .map(({ parallel, schedule }) => ({
    ...defaultTrainingConfig,
    parallel: { ...defaultTrainingConfig.parallel, ...parallel },
    schedule,
  }));
const machines = fc.integer({ min: 1, max: 48 });

/** `2x1x1`: pipeline, expert, threads. */
function layoutOf({ parallel }: TrainingConfig): string {
  return [parallel.pipeline, parallel.expert, parallel.computeThreads].join('x');
}

describe('the candidates for a machine', () => {
  it('begin with the config as given, and no two are the same', () => {
    fc.assert(
      fc.property(configs, machines, (config, cores) => {
        const candidates = listCandidates(config, cores);
        assert.equal(candidates[0], config);
        assert.equal(new Set(candidates.map((candidate) => JSON.stringify(candidate))).size, candidates.length);
      }),
    );
  });

  it('keep the global batch, in whole microbatches, and all that is not about layout and schedule', () => {
    fc.assert(
      fc.property(configs, machines, (config, cores) => {
        for (const candidate of listCandidates(config, cores)) {
          assert.equal(sequencesPerStep(candidate), sequencesPerStep(config));
          assert.ok(Number.isInteger(candidate.schedule.microbatches) && candidate.schedule.microbatches >= 1);
          assert.deepEqual({ ...candidate, parallel: config.parallel, schedule: config.schedule }, config);
        }
      }),
    );
  });

  it('use no more cores than there are and at least half of them, and no more ranks than layers and experts', () => {
    fc.assert(
      fc.property(configs, machines, (config, cores) => {
        for (const { parallel, model } of listCandidates(config, cores).slice(1)) {
          const used = parallel.pipeline * parallel.expert * parallel.computeThreads;
          assert.ok(used <= cores && used >= cores / 2, `${used} of ${cores}`);
          assert.ok(parallel.pipeline <= model.numHiddenLayers && parallel.expert <= model.nRoutedExperts);
        }
      }),
    );
  });

  it('show every layout once before any a second time', () => {
    fc.assert(
      fc.property(configs, machines, (config, cores) => {
        const layouts = listCandidates(config, cores).slice(1).map(layoutOf);
        const others = new Set(layouts);
        // The one of the config as given may have had its turn.
        others.delete(layoutOf(config));
        const first = layouts.filter((layout) => layout !== layoutOf(config)).slice(0, others.size);
        assert.deepEqual(new Set(first), others);
      }),
    );
  });

  it('are these for two cores', () => {
    const candidates = listCandidates(defaultTrainingConfig, 2);
    assert.deepEqual(new Set(candidates.map(layoutOf)), new Set(['2x1x1', '1x2x1', '1x1x2', '1x1x1']));
    const pipelined = candidates.filter((candidate) => layoutOf(candidate) === '2x1x1');
    const text = ({ schedule }: TrainingConfig) =>
      `${schedule.name} ${schedule.microbatches}x${schedule.microbatchSize}`;
    assert.deepEqual(pipelined.map(text).slice(0, 6), [
      'dualpipev 8x4',
      'zb-v 8x4',
      'dualpipe 8x4',
      '1f1b 8x4',
      'zb-h1 8x4',
      'interleaved 8x4',
    ]);
    assert.equal(pipelined.length, 30);
    const single = candidates.filter((candidate) => layoutOf(candidate) === '1x1x2');
    assert.deepEqual(single.map(text), ['1f1b 8x4', '1f1b 16x2', '1f1b 4x8', '1f1b 32x1', '1f1b 2x16']);
  });

  it('have other stages a rank only with the schedule of the config', () => {
    const schedule = { ...defaultTrainingConfig.schedule, name: 'interleaved', stagesPerRank: 4 } as const;
    for (const candidate of listCandidates({ ...defaultTrainingConfig, schedule }, 2))
      assert.equal(candidate.schedule.stagesPerRank, candidate.schedule.name === 'interleaved' ? 4 : 0);
  });

  it('have twins with the other affinity', () => {
    const twin = withOtherAffinity(defaultTrainingConfig);
    assert.equal(twin.parallel.affinity, 'cores');
    assert.deepEqual(withOtherAffinity(twin), defaultTrainingConfig);
  });
});
