import { checkLowered } from '../check-lowered.js';
import { flattenSchedule } from '../flat.js';
import { createListWriter, type LoweredSchedule } from '../lowered.js';
import type { Schedule } from '../schedule.js';
import { gatherStages } from './gather-stages.js';
import { reduceGradients, reduceGradientsAtEnd, waitForReductions } from './reduce-gradients.js';
import { sendAndReceive } from './send-and-receive.js';
import { waitForSends } from './wait-for-sends.js';

/** Adds communication of one sort to a schedule. */
type Pass = (lowered: LoweredSchedule) => LoweredSchedule;

/**
 * The passes of PyTorch's `_PipelineScheduleRuntime`, which turn a schedule of computation into one with communication, by the release that they
 * are from: 2.15 waits for what it sends and reduces, and its runtime refuses a file without these waits; 2.14 and older do not know them.
 */
const passes = {
  '2.14': [gatherStages, reduceGradients, sendAndReceive],
  '2.15': [gatherStages, reduceGradients, waitForReductions, sendAndReceive, waitForSends],
} as const satisfies Record<string, readonly Pass[]>;

export type TorchRelease = keyof typeof passes;

/** The releases of PyTorch whose communication is known, the newest last. */
export const torchReleases = Object.keys(passes) as readonly TorchRelease[];

/**
 * The schedule with the communication that PyTorch adds to it. Two chains of stages (DualPipe) are lowered in the same way, a chain by itself;
 * their mirrored stages' `reduceGrad` sums the gradients of both, at the end of the lists where ranks would wait for each other's sums otherwise. Throws `WorkError` for a schedule that does not end (see `checkSchedule`).
 */
export function lowerSchedule(schedule: Schedule, release: TorchRelease = '2.15'): LoweredSchedule {
  const list: readonly Pass[] = passes[release];
  const lower = (chosen: readonly Pass[]) =>
    chosen.reduce((lowered, pass) => pass(lowered), computationAlone(schedule));
  const lowered = lower(list);
  if (schedule.pipelines.length === 1 || checkLowered(lowered).length === 0) return lowered;
  return lower(list.map((pass) => (pass === reduceGradients ? reduceGradientsAtEnd : pass)));
}

function computationAlone(schedule: Schedule): LoweredSchedule {
  const { rankStart, ranks } = flattenSchedule(schedule);
  const lists = Array.from({ length: ranks }, (_, rank) => {
    const length = (rankStart[rank + 1] as number) - (rankStart[rank] as number);
    const writer = createListWriter(length);
    for (let count = 0; count < length; count++) writer.compute();
    return writer.finish();
  });
  return { schedule, lists };
}
