import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { InputError } from '../base/index.js';
import { adviseSearch } from './advise.js';
import type { CostBasis } from './part-segments.js';
import { type PlanRequest, searchLayouts } from './search-layouts.js';
import { exampleBasis } from './test-example.js';

const large = exampleBasis((path) => readFileSync(path, 'utf8'));
/** A model of 8 layers on 16 GPUs. */
const basis: CostBasis = {
  ...large,
  model: {
    ...large.model,
    sizes: { ...large.model.sizes, numHiddenLayers: 8, nRoutedExperts: 16, hiddenSize: 2048 },
  },
  cluster: { ...large.cluster, nodes: { count: 2, gpus: 8 } },
};
const request: PlanRequest = { sequencesPerStep: 64, sequenceLength: 4096 };

describe('the search over layouts', () => {
  const { plans, rejected } = searchLayouts(basis, request);

  it('gives layouts that use all GPUs and the whole batch, fastest first, and fit', () => {
    assert.ok(plans.length > 100);
    for (const [index, plan] of plans.entries()) {
      assert.equal(plan.pipeline * plan.data, 16);
      assert.equal(plan.data % plan.expert, 0);
      assert.equal(plan.data * plan.microbatches * plan.microbatchSize, 64);
      assert.ok(plan.stepSeconds >= (plans[index - 1]?.stepSeconds ?? 0) * (1 - 1e-8));
      assert.ok(Math.max(...plan.peakMemoryBytes) <= basis.cluster.gpu.memoryGib * 2 ** 30);
      assert.equal(
        plan.layersByStage.reduce((sum, layers) => sum + layers, 0),
        9,
      );
    }
  });

  it('accounts for every candidate: fixing a schedule leaves its share', () => {
    const all = plans.length + Object.values(rejected).reduce((sum, count) => sum + count, 0);
    const parts = ['gpipe', '1f1b', 'interleaved', 'zb-h1', 'zb-v', 'dualpipe', 'dualpipev'] as const;
    const counts = parts.map((schedule) => {
      const found = searchLayouts(basis, { ...request, schedule });
      return found.plans.length + Object.values(found.rejected).reduce((sum, count) => sum + count, 0);
    });
    assert.equal(
      counts.reduce((sum, count) => sum + count, 0),
      all,
    );
  });

  it('finds fewer layouts and none faster with less memory', () => {
    const gpu = { ...basis.cluster.gpu, memoryGib: 8 };
    const tight = searchLayouts({ ...basis, cluster: { ...basis.cluster, gpu } }, request);
    assert.ok(tight.plans.length < plans.length && tight.rejected.memory > rejected.memory);
    assert.ok((tight.plans[0]?.stepSeconds ?? Number.POSITIVE_INFINITY) >= (plans[0]?.stepSeconds ?? 0));
  });

  it('predicts no faster step with slower links, and a slower one for more work', () => {
    const links = { ...basis.cluster.links, betweenGbPerS: 5, insideGbPerS: 16 };
    const slow = searchLayouts({ ...basis, cluster: { ...basis.cluster, links } }, request);
    const best = plans[0]?.stepSeconds ?? 0;
    assert.ok((slow.plans[0]?.stepSeconds ?? 0) >= best);
    const twice = searchLayouts(basis, { ...request, sequencesPerStep: 128 });
    assert.ok((twice.plans[0]?.stepSeconds ?? 0) > 1.5 * best);
  });

  it('recomputes for memory: full takes longer and keeps less than selective', () => {
    const of = (recomputation: 'none' | 'selective' | 'full') => {
      const fixed = { schedule: '1f1b', pipeline: 4, expert: 4, microbatchSize: 1, communicationSms: 20 } as const;
      const plan = searchLayouts(basis, { ...request, ...fixed, recomputation }).plans[0];
      assert.ok(plan !== undefined);
      return { step: plan.stepSeconds, bytes: plan.memory.activations };
    };
    const [none, selective, full] = [of('none'), of('selective'), of('full')];
    assert.ok(none.step < selective.step && selective.step < full.step);
    assert.ok(none.bytes > selective.bytes && selective.bytes > full.bytes);
  });
});

describe('what a search says of its layouts', () => {
  it('says what helps where nothing fits, and only that', () => {
    const advise = (memoryGib: number, asked: PlanRequest) => {
      const gpu = { ...basis.cluster.gpu, memoryGib };
      const tight = { ...basis, cluster: { ...basis.cluster, gpu } };
      return adviseSearch(tight, asked, searchLayouts(tight, asked));
    };
    const long = { sequencesPerStep: 64, sequenceLength: 2 ** 19, schedule: '1f1b' } as const;
    assert.match(
      advise(40, long),
      /GiB or more of it for sequences, .*no context parallelism\): use shorter sequences or GPUs with more memory, or leave out --schedule$/,
    );
    const wide = { ...request, sequenceLength: 256, pipeline: 1, expert: 1, microbatchSize: 1 };
    assert.match(
      advise(6, wide),
      /use more GPUs, GPUs with more memory or shorter sequences, or leave out --pipeline, --expert, --microbatch-size$/,
    );
  });

  it('puts what takes as long in the order of stages a rank and memory: on one rank, none are cut for nothing', () => {
    const small = { ...basis.model.sizes, hiddenSize: 64, vocabSize: 256, moeIntermediateSize: 32 };
    const alone = {
      ...basis,
      model: { ...basis.model, sizes: { ...small, intermediateSize: 64 } },
      cluster: { ...basis.cluster, nodes: { count: 1, gpus: 1 } },
    };
    const found = searchLayouts(alone, { sequencesPerStep: 8, sequenceLength: 128 }).plans;
    assert.ok(found.some(({ schedule }) => schedule === 'interleaved'));
    assert.equal(found[0].stagesPerRank, 1);
    assert.equal(found[0].schedule, '1f1b');
  });
});

describe('a search over layouts at its edges', () => {
  it('tells how far it is: each layout once, to the last', () => {
    const heard: number[] = [];
    let layouts = 0;
    searchLayouts(basis, { ...request, pipeline: 4, microbatchSize: 1 }, (done, all) => {
      heard.push(done);
      layouts = all;
    });
    assert.deepEqual(
      heard,
      Array.from({ length: layouts }, (_, index) => index + 1),
    );
    assert.ok(layouts > 0);
  });

  it('says what the leanest layout would need, where none fits', () => {
    const gpu = { ...basis.cluster.gpu, memoryGib: 4.5 };
    const none = searchLayouts({ ...basis, cluster: { ...basis.cluster, gpu } }, request);
    assert.deepEqual(none.plans, []);
    const enough = Math.min(...searchLayouts(basis, request).plans.map((plan) => Math.max(...plan.peakMemoryBytes)));
    assert.ok(none.leastMissedBytes > 4.5 * 2 ** 30 && none.leastMissedBytes <= enough);
  });

  it('splits each step into parts that make it up, and its fullest rank into what it holds', () => {
    const sum = (parts: object) => Object.values(parts).reduce((total: number, part: number) => total + part, 0);
    for (const plan of searchLayouts(basis, request).plans) {
      assert.ok(Math.abs(sum(plan.breakdown) - plan.stepSeconds) < 1e-9 * plan.stepSeconds);
      assert.ok(Math.abs(sum(plan.memory) - Math.max(...plan.peakMemoryBytes)) < 1);
    }
  });

  it('refuses a search that would take many minutes, and takes it with counts fixed', () => {
    const sizes = { ...basis.model.sizes, nRoutedExperts: 5040, nGroup: 1, topkGroup: 1 };
    const wide = { ...basis, model: { ...basis.model, sizes } };
    const nodes = { count: 630, gpus: 8 };
    const large = { ...wide, cluster: { ...wide.cluster, nodes } };
    assert.throws(() => searchLayouts(large, { ...request, sequencesPerStep: 5040 * 2048 }), /takes too long/);
    const fixed = { schedule: '1f1b', pipeline: 8, expert: 5, microbatchSize: 8 } as const;
    searchLayouts(large, { ...request, sequencesPerStep: 5040 * 64, ...fixed });
  });

  it('refuses fixed counts that divide nothing', () => {
    for (const bad of [{ pipeline: 3 }, { expert: 5 }, { microbatchSize: 7 }, { pipeline: 0 }, { expert: 1e9 }])
      assert.throws(() => searchLayouts(basis, { ...request, ...bad }), InputError);
  });
});
