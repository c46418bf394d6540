import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placeInOrder } from '../balance/index.js';
import { planChannels, planRunChannels } from './channels.js';
import { compileProgram } from './compile.js';
import { planMemory } from './memory-plan.js';
import { instanceName, listAccesses, printProgram, type RankProgram } from './program.js';
import { buildRankModel } from './spec.js';
import { createTestSpec, type TestRun } from './test-spec.js';

function compile(run: TestRun, rank: number): RankProgram {
  const spec = createTestSpec(run);
  return compileProgram({
    schedule: spec.schedule,
    expert: spec.expert,
    rank,
    stages: buildRankModel(spec, rank).stages,
    overlap: true,
  });
}

const runs: readonly TestRun[] = [
  { schedule: '1f1b', ranks: 2, microbatches: 4 },
  { schedule: 'dualpipev', ranks: 2, microbatches: 5 },
  { schedule: 'dualpipe', ranks: 2, microbatches: 8 },
  { schedule: 'interleaved', ranks: 2, microbatches: 6, stagesPerRank: 3 },
  { schedule: 'zb-h1', ranks: 2, microbatches: 5 },
  { schedule: 'zb-v', ranks: 2, microbatches: 5 },
  {
    schedule: 'dualpipev',
    ranks: 2,
    microbatches: 5,
    expert: 2,
    placement: placeInOrder({ layers: 7, experts: 4, slots: 6 }),
  },
];

/** What each instruction reads and writes, in order. */
function accesses(program: RankProgram): { reads: string[]; writes: string[] }[] {
  return program.instructions.flatMap((instruction) =>
    listAccesses(instruction).map(({ reads, writes }) => ({
      reads: reads.map((value) => instanceName(instruction.chunk, value)),
      writes: writes.map((value) => instanceName(instruction.chunk, value)),
    })),
  );
}

describe('a compiled program', () => {
  it('receives just before the first segment that reads, and sends after the last', () => {
    const lines = printProgram(compile({ schedule: '1f1b', ranks: 2, microbatches: 2 }, 1)).split('\n');
    assert.match(lines[0], /^1F0 +receive x4 on channel 0 \[stage 1 microbatch 0\]$/);
    assert.match(lines[1], /^1F0 +compute attention forward of layer 4/);
    assert.match(lines[2], /^1F0 +communication dispatch forward of layer 4/);
    const backward = lines.filter((line) => line.startsWith('1B0'));
    assert.match(backward[0], /compute head backwardInput of layer 8/);
    assert.match(backward.at(-1) as string, /send grad:x4 on channel 1/);
  });

  it('merges the segments of an overlapped pair and keeps the order of each', () => {
    const program = compile({ schedule: 'dualpipev', ranks: 2, microbatches: 5 }, 0);
    const position = program.actions.findIndex(({ kind }) => kind === 'overlap');
    const phases = program.instructions.flatMap((instruction) =>
      instruction.kind === 'segment' && instruction.action === position
        ? [instruction.segment.phase === 'forward' ? 'F' : 'B']
        : [],
    );
    assert.match(phases.join(''), /F.*B.*F.*B/);
  });

  it('sends and receives over channels that begin and end at its rank, in training and in the evaluation', () => {
    const spec = createTestSpec({ schedule: 'dualpipe', ranks: 2, microbatches: 4, expert: 2 });
    const channels = planRunChannels(spec);
    for (let rank = 0; rank < 4; rank++) {
      const { stages } = buildRankModel(spec, rank);
      for (const schedule of [spec.schedule, spec.evaluation]) {
        const { instructions } = compileProgram({ schedule, expert: 2, rank, stages, overlap: true });
        const messages = instructions.filter(({ kind }) => kind === 'send' || kind === 'receive');
        assert.ok(messages.length > 0);
        for (const message of instructions) {
          if (message.kind === 'send') assert.equal(channels[message.channel].from, rank);
          if (message.kind === 'receive') assert.equal(channels[message.channel].to, rank);
        }
      }
    }
  });

  for (const run of runs) {
    it(`of ${run.schedule}${run.placement === undefined ? '' : ' with replicas'} gives values that live at the same time different memory, and little more than is alive at once`, () => {
      for (let rank = 0; rank < run.ranks; rank++) {
        const program = compile(run, rank);
        const plan = planMemory(program);
        const owner = new Map<number, string>();
        const bytesOf = (instance: string) =>
          4 * (program.values.get(instance.split('/')[2])?.shape.reduce((a, b) => a * b, 1) ?? 0);
        for (const { reads, writes } of accesses(program)) {
          for (const instance of writes) {
            const offset = plan.offsets.get(instance);
            if (offset === undefined) continue;
            for (let byte = offset; byte < offset + bytesOf(instance); byte += 4) owner.set(byte, instance);
          }
          // A value that was written over by another one before its last read would have another owner here.
          for (const instance of reads) {
            const offset = plan.offsets.get(instance) as number;
            for (let byte = offset; byte < offset + bytesOf(instance); byte += 4)
              assert.equal(owner.get(byte), instance);
          }
        }
        assert.ok(plan.bytes <= 1.25 * plan.liveBytes, `${plan.bytes} bytes for ${plan.liveBytes}`);
      }
    });
  }

  it('needs few message slots, and as many as the schedule needs', () => {
    for (const run of runs) {
      for (const { slots } of planChannels(createTestSpec(run), 64))
        assert.ok(slots >= 1 && slots <= 4, `${run.schedule}: ${slots}`);
    }
  });
});
