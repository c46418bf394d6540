import { range, type Schedule } from '../schedule.js';
import { writeSchedule } from '../writer.js';
import { writeDualPhases } from './dual-phases.js';

/**
 * DualPipeV: one model of 2P stages folded onto P ranks in a V, so that stages r and 2P-1-r share rank r. The order is that of DeepSeek's
 * `dualpipev.py` and of PyTorch's `ScheduleDualPipeV`. Needs microbatches >= 2 * ranks.
 */
export function generateDualPipeV(ranks: number, microbatches: number): Schedule {
  const stages = range(2 * ranks);
  const shape = {
    name: 'dualpipev',
    ranks,
    microbatches,
    pipelines: [stages],
    stageToRank: stages.map((stage) => Math.min(stage, 2 * ranks - 1 - stage)),
  };
  return writeSchedule(shape, (rank, writer) =>
    writeDualPhases({ depth: ranks, position: rank, microbatches, stages: [rank, 2 * ranks - 1 - rank] }, writer),
  );
}
