import type { ActionWriter } from '../writer.js';

/**
 * The two chunks of a rank in a dual pipeline. The rank lies on two streams of microbatches: `near` is the one whose entry is closer to it, so
 * that its forward comes first here; `far` is the one that reaches it later.
 */
type Side = typeof near | typeof far;
const near = 0;
const far = 1;

/** Where a rank stands: all that the phases' counts depend on. */
export interface Place {
  /** Ranks from the entry of a stream to its turning point: all ranks of DualPipeV, half of DualPipe's. */
  readonly depth: number;
  /** 0 at the entry, depth - 1 at the turning point. */
  readonly position: number;
  /** Of each stream. */
  readonly microbatches: number;
  /** The stages that this rank holds of the near and of the far stream. */
  readonly stages: readonly [near: number, far: number];
}

/** Puts one rank's actions in order; each side's microbatches come in their order, and delayed weight gradients first in, first out. */
interface SideWriter {
  forward(side: Side): void;
  backward(side: Side): void;
  /** Input gradient now, weight gradient at a later `weight`. */
  backwardInput(side: Side): void;
  /** The oldest weight gradient that waits. */
  weight(): void;
  overlap(forward: Side, backward: Side): void;
}

/** A phase runs `emit` `count` times. */
interface Phase {
  readonly name: string;
  count(place: Place): number;
  emit(writer: SideWriter, place: Place, repeat: number): void;
}

/**
 * The eight phases of DualPipe, as in DeepSeek's reference (steps 1 to 8 of `DualPipe.step` and `DualPipeV.step`). Both schedules are these: the
 * V is one of DualPipe's two halves, folded where the halves meet.
 */
const dualPhases: readonly Phase[] = [
  {
    name: 'near forwards',
    count: ({ depth, position }) => 2 * (depth - position - 1),
    emit: (writer) => writer.forward(near),
  },
  {
    name: 'forwards of both sides',
    count: ({ position }) => position + 1,
    emit(writer) {
      writer.forward(near);
      writer.forward(far);
    },
  },
  {
    name: 'split far backwards',
    count: ({ depth, position }) => depth - position - 1,
    emit(writer) {
      writer.backwardInput(far);
      writer.weight();
      writer.forward(far);
    },
  },
  {
    name: 'overlapped pairs of both directions',
    count: ({ depth, position, microbatches }) => microbatches - 2 * depth + position + 1,
    emit(writer, { depth, position }, repeat) {
      if (repeat === 0 && position === depth - 1) {
        // At the turning point the first pair is not overlapped: the next rank would wait for its longer time.
        writer.forward(near);
        writer.backward(far);
      } else {
        writer.overlap(near, far);
      }
      writer.overlap(far, near);
    },
  },
  {
    name: 'overlapped pairs of one direction',
    count: ({ depth, position }) => depth - position - 1,
    emit(writer) {
      writer.backward(far);
      writer.overlap(far, near);
    },
  },
  {
    name: 'backwards of both sides',
    count: ({ position }) => position + 1,
    emit(writer, { position }, repeat) {
      // The second half of these backwards is split: their weight gradients fill the bubble of the last phases.
      for (const [index, side] of ([far, near] as const).entries()) {
        if (2 * repeat + index <= position) writer.backward(side);
        else writer.backwardInput(side);
      }
    },
  },
  {
    name: 'weight gradients and near backwards',
    count: ({ depth, position }) => depth - position - 1,
    emit(writer) {
      writer.weight();
      writer.backwardInput(near);
    },
  },
  {
    name: 'weight gradients',
    count: ({ position }) => position + 1,
    emit: (writer) => writer.weight(),
  },
];

/** Writes one rank's actions: the eight phases, one after the other. */
export function writeDualPhases(place: Place, writer: ActionWriter): void {
  const sides = takeInOrder(place.stages, writer);
  for (const phase of dualPhases) {
    const count = phase.count(place);
    for (let repeat = 0; repeat < count; repeat++) phase.emit(sides, place, repeat);
  }
}

function takeInOrder(stages: Place['stages'], writer: ActionWriter): SideWriter {
  const nextForward: [number, number] = [0, 0];
  const nextBackward: [number, number] = [0, 0];
  const delayed: { readonly side: Side; readonly microbatch: number }[] = [];
  let oldest = 0;
  return {
    forward: (side) => writer.forward(stages[side], nextForward[side]++),
    backward: (side) => writer.backward(stages[side], nextBackward[side]++),
    backwardInput(side) {
      const microbatch = nextBackward[side]++;
      writer.backwardInput(stages[side], microbatch);
      delayed.push({ side, microbatch });
    },
    weight() {
      const { side, microbatch } = delayed[oldest++] as { side: Side; microbatch: number };
      writer.backwardWeight(stages[side], microbatch);
    },
    overlap: (forward, backward) =>
      writer.overlap(stages[forward], nextForward[forward]++, stages[backward], nextBackward[backward]++),
  };
}
