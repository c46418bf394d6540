import { range, type Schedule } from '../schedule.js';
import { writeSchedule } from '../writer.js';

/**
 * 1F1B, one stage a rank: rank r runs as many forwards as there are ranks after it, then one forward and one backward in turn, then the
 * backwards that are left (Narayanan et al., PipeDream-Flush, 2021).
 */
export function generateOneFOneB(ranks: number, microbatches: number): Schedule {
  const stages = range(ranks);
  const shape = { name: '1f1b', ranks, microbatches, pipelines: [stages], stageToRank: stages };
  return writeSchedule(shape, (stage, writer) => {
    const warmup = Math.min(ranks - 1 - stage, microbatches);
    for (let microbatch = 0; microbatch < warmup; microbatch++) writer.forward(stage, microbatch);
    for (let microbatch = warmup; microbatch < microbatches; microbatch++) {
      writer.forward(stage, microbatch);
      writer.backward(stage, microbatch - warmup);
    }
    for (let microbatch = microbatches - warmup; microbatch < microbatches; microbatch++) {
      writer.backward(stage, microbatch);
    }
  });
}
