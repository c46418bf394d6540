import { range, type Schedule } from '../schedule.js';
import { type ActionWriter, writeSchedule } from '../writer.js';
import type { Counts } from './limits.js';

/** How many rounds `interleaved` cuts its microbatches into: one for every `ranks` of them. */
export function countRounds(ranks: number, microbatches: number): number {
  return Math.max(1, Math.floor(microbatches / ranks));
}

/**
 * Interleaved 1F1B: stage s lies on rank s mod P, so that a microbatch goes round the ranks once for each of a rank's stages (Narayanan et al. 2021, arXiv
 * 2104.04473, section 2.2). Microbatches come in rounds: a rank takes one round through its first stage, then through its next. The order is that of PyTorch's
 * `ScheduleInterleaved1F1B`, which takes more than the paper's multiples of the ranks. Needs microbatches that divide by the number of rounds,
 * max(1, microbatches / ranks rounded down). A rank has at most min(V x M, (V - 1) x M / rounds + 2 x (P - 1 - rank) + 1) stage-chunks alive.
 */
export function generateInterleaved(counts: Counts): Schedule {
  const { ranks, microbatches, stagesPerRank } = counts;
  const stages = range(ranks * stagesPerRank);
  const shape = {
    name: 'interleaved',
    ranks,
    microbatches,
    pipelines: [stages],
    stageToRank: stages.map((stage) => stage % ranks),
  };
  return writeSchedule(shape, (rank, writer) => orderRank(rank, counts, writer));
}

function orderRank(rank: number, { ranks, microbatches, stagesPerRank }: Counts, writer: ActionWriter): void {
  const perRound = microbatches / countRounds(ranks, microbatches);
  const chunks = stagesPerRank * microbatches;
  const warmup = Math.min((stagesPerRank - 1) * perRound + 2 * (ranks - 1 - rank), chunks);
  const microbatchOf = (turn: number, index: number) =>
    Math.floor(turn / stagesPerRank) * perRound + (index % perRound);
  const forward = (index: number) => {
    const turn = Math.floor(index / perRound);
    writer.forward((turn % stagesPerRank) * ranks + rank, microbatchOf(turn, index));
  };
  const backward = (index: number) => {
    const turn = Math.floor(index / perRound);
    writer.backward((stagesPerRank - 1 - (turn % stagesPerRank)) * ranks + rank, microbatchOf(turn, index));
  };
  for (let index = 0; index < warmup; index++) forward(index);
  for (let index = warmup; index < chunks; index++) {
    forward(index);
    backward(index - warmup);
  }
  for (let index = chunks - warmup; index < chunks; index++) backward(index);
}
