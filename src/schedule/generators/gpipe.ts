import { range, type Schedule } from '../schedule.js';
import { writeSchedule } from '../writer.js';

/** GPipe: all forwards, then all backwards, one stage a rank (Huang et al. 2019, arXiv 1811.06965). A rank has all microbatches alive. */
export function generateGPipe(ranks: number, microbatches: number): Schedule {
  const stages = range(ranks);
  const shape = { name: 'gpipe', ranks, microbatches, pipelines: [stages], stageToRank: stages };
  return writeSchedule(shape, (stage, writer) => {
    for (let microbatch = 0; microbatch < microbatches; microbatch++) writer.forward(stage, microbatch);
    for (let microbatch = 0; microbatch < microbatches; microbatch++) writer.backward(stage, microbatch);
  });
}
