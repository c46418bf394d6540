import { range, type Schedule } from '../schedule.js';
import { writeSchedule } from '../writer.js';
import { type Place, writeDualPhases } from './dual-phases.js';

/**
 * DualPipe: two copies of a model of P stages on P ranks, fed from both ends. Stages 0..P-1 lie on ranks 0..P-1; stages P..2P-1 are the second
 * copy, stage P+s on rank P-1-s. The order is that of DeepSeek's `dualpipe.py`. `microbatches` counts both copies' together; needs an even
 * number of ranks, and an even number of microbatches >= 2 * ranks.
 */
export function generateDualPipe(ranks: number, microbatches: number): Schedule {
  const depth = ranks / 2;
  const placeOf = (rank: number): Place => {
    const [first, second] = [rank, ranks + (ranks - 1 - rank)];
    const isFirstHalf = rank < depth;
    return {
      depth,
      position: Math.min(rank, ranks - 1 - rank),
      microbatches: microbatches / 2,
      stages: isFirstHalf ? [first, second] : [second, first],
    };
  };
  const shape = {
    name: 'dualpipe',
    ranks,
    microbatches,
    pipelines: [range(ranks), range(ranks, ranks)],
    stageToRank: [...range(ranks), ...range(ranks).reverse()],
  };
  return writeSchedule(shape, (rank, writer) => writeDualPhases(placeOf(rank), writer));
}
