import { range, type Schedule } from '../schedule.js';
import { writeSchedule } from '../writer.js';

/**
 * ZB-H1, one stage a rank: 1F1B whose backwards are split; rank r computes each weight gradient r microbatches late, so that input gradients reach the ranks before it
 * sooner and the late ones fill its cool-down (Qi et al. 2023, "Zero Bubble Pipeline Parallelism", arXiv 2401.10241, section 2.3). The order is that of PyTorch's
 * `ScheduleInterleavedZeroBubble` with one stage a rank. With M >= P and W <= I the bubble is (P - 1)(F + I - W); a rank has at most P chunks alive, as in 1F1B.
 */
export function generateZbH1(ranks: number, microbatches: number): Schedule {
  const stages = range(ranks);
  const shape = { name: 'zb-h1', ranks, microbatches, pipelines: [stages], stageToRank: stages };
  return writeSchedule(shape, (stage, writer) => {
    const warmup = Math.min(ranks - 1 - stage, microbatches);
    const delay = stage;
    for (let microbatch = 0; microbatch < warmup; microbatch++) writer.forward(stage, microbatch);
    for (let microbatch = 0; microbatch < microbatches; microbatch++) {
      if (microbatch + warmup < microbatches) writer.forward(stage, microbatch + warmup);
      writer.backwardInput(stage, microbatch);
      if (microbatch >= delay) writer.backwardWeight(stage, microbatch - delay);
    }
    for (let microbatch = Math.max(0, microbatches - delay); microbatch < microbatches; microbatch++) {
      writer.backwardWeight(stage, microbatch);
    }
  });
}
