import { range, type Schedule } from '../schedule.js';
import { type ActionWriter, writeSchedule } from '../writer.js';

/** The two stages of a rank: `near` on the way down the V, `far` on the way back up. */
type Side = typeof near | typeof far;
const near = 0;
const far = 1;

type Kind = 'forward' | 'backwardInput' | 'backwardWeight';

/** Where a rank stands: all that the phases' counts depend on. */
interface Place {
  readonly ranks: number;
  readonly rank: number;
  /** As many as the phases need, at least. */
  readonly microbatches: number;
}

/** Appends the next microbatch of that kind and side. */
type Write = (kind: Kind, side: Side) => void;

/** A phase runs `emit` `count` times. */
interface Phase {
  readonly name: string;
  count(place: Place): number;
  emit(write: Write): void;
}

const phases: readonly Phase[] = [
  {
    name: 'near forwards',
    count: ({ ranks, rank }) => 2 * (ranks - rank) - 1,
    emit: (write) => write('forward', near),
  },
  {
    name: 'forwards of both sides',
    count: ({ rank }) => rank,
    emit(write) {
      write('forward', far);
      write('forward', near);
    },
  },
  {
    name: 'far forwards and backwards',
    count: ({ ranks, rank }) => ranks - rank,
    emit: passFar,
  },
  {
    name: 'forwards and backwards of both sides',
    count: ({ ranks, rank, microbatches }) => microbatches - 2 * ranks + rank + 1,
    emit(write) {
      write('forward', near);
      returnNear(write);
      passFar(write);
    },
  },
  {
    name: 'near backwards, far forwards and backwards',
    count: ({ ranks, rank }) => ranks - rank - 1,
    emit(write) {
      returnNear(write);
      passFar(write);
    },
  },
  {
    name: 'input gradients of both sides',
    count: ({ rank }) => rank,
    emit(write) {
      write('backwardInput', near);
      write('backwardInput', far);
    },
  },
  {
    name: 'near backwards',
    count: ({ ranks, rank }) => ranks - rank,
    emit: returnNear,
  },
  {
    name: 'far weight gradients',
    count: ({ rank }) => rank,
    emit: (write) => write('backwardWeight', far),
  },
  {
    name: 'near weight gradients',
    count: ({ rank }) => rank,
    emit: (write) => write('backwardWeight', near),
  },
];

/** A microbatch turns round at the end of the V: its far forward, and back. */
function passFar(write: Write): void {
  write('forward', far);
  write('backwardInput', far);
  write('backwardWeight', far);
}

function returnNear(write: Write): void {
  write('backwardInput', near);
  write('backwardWeight', near);
}

/**
 * ZB-V: one model of 2P stages folded onto P ranks in a V, so that stages r and 2P-1-r share rank r, and no bubble but the P - 1 forwards that the last rank waits
 * for its first, where F = I = W and there are at least 2P - 1 microbatches (Qi et al. 2023, arXiv 2401.10241, section 6). The order is that of PyTorch's
 * `ScheduleZBVZeroBubble`: with fewer microbatches it is the order of 2P - 1, without those that do not exist. A rank has at most 2P stage-chunks alive: the
 * memory of 1F1B, of P chunks of twice the size.
 */
export function generateZbV(ranks: number, microbatches: number): Schedule {
  const stages = range(2 * ranks);
  const shape = {
    name: 'zb-v',
    ranks,
    microbatches,
    pipelines: [stages],
    stageToRank: stages.map((stage) => Math.min(stage, 2 * ranks - 1 - stage)),
  };
  return writeSchedule(shape, (rank, writer) => {
    const place: Place = { ranks, rank, microbatches: Math.max(microbatches, 2 * ranks - 1) };
    const write = takeInOrder([rank, 2 * ranks - 1 - rank], microbatches, writer);
    for (const { count, emit } of phases) {
      const repeats = count(place);
      for (let repeat = 0; repeat < repeats; repeat++) emit(write);
    }
  });
}

/** Writes the microbatches of each kind and side in their order; those from `microbatches` on do not exist. */
function takeInOrder(stages: readonly [near: number, far: number], microbatches: number, writer: ActionWriter): Write {
  const next = { forward: [0, 0], backwardInput: [0, 0], backwardWeight: [0, 0] } satisfies Record<Kind, number[]>;
  return (kind, side) => {
    const microbatch = (next[kind][side] as number)++;
    if (microbatch < microbatches) writer[kind](stages[side], microbatch);
  };
}
