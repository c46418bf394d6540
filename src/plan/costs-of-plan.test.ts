import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { generateSchedule } from '../schedule/index.js';
import { simulate } from '../simulate/index.js';
import { costsOfPlan } from './costs-of-plan.js';
import type { Plan } from './layout.js';
import { searchLayouts } from './search-layouts.js';
import { exampleBasis } from './test-example.js';

const basis = exampleBasis((path) => readFileSync(path, 'utf8'));
// Enough memory for every schedule to have plans, and counts that each of them takes.
const { nodes, gpu } = basis.cluster;
const roomy = {
  ...basis,
  calibration: { forward: 1.1, backwardInput: 1.2, backwardWeight: 1.3, overlapped: 1.05, optimizer: 2 },
  cluster: { ...basis.cluster, nodes: { ...nodes, count: 16 }, gpu: { ...gpu, memoryGib: 5000 } },
};
const request = { sequencesPerStep: 512, sequenceLength: 4096, expert: 4, microbatchSize: 1 };
const schedules = ['gpipe', '1f1b', 'interleaved', 'zb-h1', 'zb-v', 'dualpipe', 'dualpipev'] as const;

function simulatePlan(plan: Plan) {
  const { schedule: name, pipeline: ranks, microbatches, stagesPerRank } = plan;
  const schedule = generateSchedule({ name, ranks, microbatches, stagesPerRank });
  return { schedule, simulation: simulate(schedule, costsOfPlan(roomy, plan, request)) };
}

for (const name of schedules) {
  test(`the costs of plans with ${name} give their step, but for what follows the schedule, and their activations`, () => {
    for (const pipeline of [4, 16]) {
      const { plans } = searchLayouts(roomy, { ...request, schedule: name, pipeline });
      assert.ok(plans.length > 0, `${pipeline}`);
      for (const plan of plans) {
        const { simulation } = simulatePlan(plan);
        const { reduce, optimizer } = plan.breakdown;
        assert.ok(Math.abs((simulation.makespan + reduce + optimizer) / plan.stepSeconds - 1) < 1e-12);
        const activations = Math.max(...(simulation.memory?.byPart.activations ?? []));
        assert.ok(activations >= plan.memory.activations && plan.memory.activations > 0);
      }
    }
  });
}

test('they are lists with an entry for each stage of the schedule, the same for both copies of DualPipe', () => {
  const [plan] = searchLayouts(roomy, { ...request, schedule: 'dualpipe', pipeline: 16 }).plans as [Plan];
  const { schedule } = simulatePlan(plan);
  const { forward, backwardInput, backwardWeight, overlapped = [] } = costsOfPlan(roomy, plan, request);
  for (const list of [forward, backwardInput, backwardWeight, overlapped]) {
    assert.equal(list.length, schedule.stageToRank.length);
    const [first, second] = schedule.pipelines.map((stages) => stages.map((stage) => list[stage]));
    assert.deepEqual(first, second);
  }
  assert.equal('overlapped' in costsOfPlan(roomy, { ...plan, schedule: '1f1b', stagesPerRank: 1 }, request), false);
});
