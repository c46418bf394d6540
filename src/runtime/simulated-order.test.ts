import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Segment } from '../model/index.js';
import { formatAction } from '../schedule/index.js';
import { type StageSegment, type StageTimes, simulateSegments } from '../simulate/index.js';
import { compileProgram } from './compile.js';
import { countRanks } from './layout.js';
import type { Instruction, RankProgram } from './program.js';
import { buildRankModel, type RunSpec } from './spec.js';
import { createTestSpec, type TestRun } from './test-spec.js';

const runs: readonly TestRun[] = [
  { schedule: 'gpipe', ranks: 2, microbatches: 2 },
  { schedule: '1f1b', ranks: 2, microbatches: 4 },
  { schedule: 'dualpipe', ranks: 2, microbatches: 6 },
  { schedule: 'dualpipev', ranks: 1, microbatches: 3 },
  { schedule: 'dualpipev', ranks: 2, microbatches: 5 },
];

/** Every stage with times longer than nothing, so that every step is an event. */
function stageTimes(spec: RunSpec): StageTimes[] {
  const expert = new Array<number>(spec.expert).fill(1);
  const timed = ({ name, phase, layer, lane }: Segment): StageSegment => {
    if (lane === 'compute') return { name, phase, layer, lane, seconds: expert };
    const unpackSeconds = spec.expert === 1 ? [0] : expert;
    return { name, phase, layer, lane, seconds: expert, transferSeconds: expert.map(() => 0.3), unpackSeconds };
  };
  const stages: StageTimes[] = [];
  for (let rank = 0; rank < countRanks(spec); rank++) {
    for (const [stage, { forward, backward }] of buildRankModel(spec, rank).stages)
      stages[stage] = { forward: forward.map(timed), backward: backward.map(timed) };
  }
  return stages;
}

function nameOf(instruction: Instruction): string[] {
  switch (instruction.kind) {
    case 'receive':
    case 'send':
      return [instruction.kind];
    case 'segment':
    case 'wait': {
      const { name, phase, layer } = instruction.segment;
      return [`${instruction.kind === 'wait' ? 'unpack ' : ''}${name} ${phase} L${layer}`];
    }
    default:
      return [];
  }
}

function compiledOrder({ instructions, actions }: RankProgram): string[] {
  return instructions.flatMap((instruction) =>
    nameOf(instruction).map((name) => `${name} [${formatAction(actions[instruction.action])}]`),
  );
}

for (const run of runs) {
  for (const expert of [1, 2]) {
    for (const overlap of [true, false]) {
      const shape = `${run.schedule} on ${run.ranks} x ${expert} ranks ${overlap ? 'with' : 'without'} overlap`;
      test(`what is simulated is what runs: ${shape}`, () => {
        const spec = createTestSpec({ ...run, expert, overlap });
        const message = { sendSeconds: 1, transferSeconds: 1, receiveSeconds: 1 };
        const times = { expert, stages: stageTimes(spec), message, tailSeconds: 0 };
        const { timeline } = simulateSegments({ schedule: spec.schedule, overlap, times });
        for (let rank = 0; rank < countRanks(spec); rank++) {
          const { stages } = buildRankModel(spec, rank);
          const program = compileProgram({ schedule: spec.schedule, expert, rank, stages, overlap });
          const runs = timeline.ranks[rank].filter(({ kind }) => kind !== 'exposed' && kind !== 'idle');
          const simulated = runs.filter(({ lane }) => lane === 'compute').map(({ label }) => label);
          assert.deepEqual(simulated, compiledOrder(program), `rank ${rank}`);
        }
      });
    }
  }
}
