import type { LaneMemory } from '../comm/index.js';
import { readThreadCpuSeconds } from '../device/index.js';
import type { Ref, RowExchange } from '../model/index.js';
import type { Locate } from './bind.js';
import type { BoundProgram } from './execute.js';
import type { Chunk, Instruction } from './program.js';
import { exchangeTimes } from './recorder.js';

/** What a rank did in a training step, beyond where its time went. */
export interface StepWork {
  /** Rows (choices of tokens) that the experts in this rank's slots computed, each once, by layer. */
  readonly expertRows: ReadonlyMap<number, number>;
  /** Time in which the rank ran its experts, forward and backward, and that for which its thread had a core meanwhile. */
  readonly expertSeconds: number;
  readonly expertCpuSeconds: number | undefined;
  /**
   * Time for which the computing thread had a core: what it computed, however many threads share the cores. Undefined where the system has no such clock
   * (`readThreadCpuSeconds`), or the rank computes with more threads than this one.
   */
  readonly computeCpuSeconds: number | undefined;
  /** Bytes of rows that came from other ranks to this one's tokens and experts. */
  readonly linkBytes: number;
  /**
   * Bytes that came in a second, in the fastest tenth of the exchanges; undefined if nothing came. The others wait for peers: `linkBytes` over all the lane's
   * time is a lower bound. Over MPI this is an upper one, since rows that were sent early are there when a late rank asks.
   */
  readonly linkBytesPerSecond: number | undefined;
}

export interface StepMeter {
  begin(): void;
  /** For `runProgram`: looks at the memory of an instruction that has just run, before another one may write there. */
  readonly afterEach: (instruction: Instruction) => void;
  /** What was done since `begin`. */
  end(): StepWork;
  /** Runs `work`; gives what it gives, and of its time what `computeCpuSeconds` is of a step's. */
  timeCpu<Result>(work: () => Result): { readonly result: Result; readonly cpuSeconds: number | undefined };
}

export interface StepMeterOptions {
  readonly training: BoundProgram;
  readonly locate: Locate;
  readonly lane: LaneMemory;
  /** This rank's position among those that share its experts. */
  readonly expertRank: number;
  readonly computeThreads: number;
}

/** Measures the steps of a training program. */
export function createStepMeter(options: StepMeterOptions): StepMeter {
  const { training, lane, computeThreads } = options;
  const readCpu = computeThreads === 1 ? readThreadCpuSeconds : () => undefined;
  const expertRows = new Map<number, number>();
  const bytes = new Float64Array(training.program.exchanges.length);
  const looks = listLooks(options, expertRows, bytes);
  let started: number | undefined;
  let seen: number | undefined;
  let expertCpuSeconds = 0;
  return {
    begin() {
      for (const layer of expertRows.keys()) expertRows.set(layer, 0);
      expertCpuSeconds = 0;
      started = readCpu();
      seen = started;
    },
    afterEach(instruction) {
      const cpu = readCpu();
      if (isExperts(instruction)) expertCpuSeconds += difference(seen, cpu) ?? 0;
      seen = cpu;
      looks.get(instruction)?.();
    },
    end() {
      const computeCpuSeconds = difference(started, readCpu());
      return {
        expertRows: new Map(expertRows),
        expertSeconds: sumExpertSeconds(training),
        expertCpuSeconds: computeCpuSeconds === undefined ? undefined : expertCpuSeconds,
        computeCpuSeconds,
        linkBytes: bytes.reduce((sum, value) => sum + value, 0),
        linkBytesPerSecond: rateOfFastest(
          [...bytes].map((value, exchange) => {
            const [start, end] = exchangeTimes(training, lane, exchange);
            return { bytes: value, seconds: end - start };
          }),
        ),
      };
    },
    timeCpu(work) {
      const start = readCpu();
      const result = work();
      return { result, cpuSeconds: difference(start, readCpu()) };
    },
  };
}

function difference(start: number | undefined, end: number | undefined): number | undefined {
  return start === undefined || end === undefined ? undefined : end - start;
}

function isExperts(instruction: Instruction): boolean {
  return instruction.kind === 'segment' && instruction.segment.name === 'experts';
}

/** What there is to read after which instruction: `expertRows` and `bytes`, one number an exchange, take it. */
function listLooks(
  { training, locate, expertRank }: StepMeterOptions,
  expertRows: Map<number, number>,
  bytes: Float64Array,
): Map<Instruction, () => void> {
  const looks = new Map<Instruction, () => void>();
  const integers = (chunk: Chunk, ref: Ref): Int32Array => {
    const tensor = locate(chunk, ref);
    if (tensor === undefined) throw new Error(`value ${ref.name} of stage ${chunk.stage} has no place`);
    return new Int32Array(tensor.memory.buffer, tensor.memory.byteOffset, tensor.shape[0]);
  };
  for (const { instruction } of training.instructions) {
    if (instruction.kind !== 'segment' && instruction.kind !== 'wait') continue;
    const { chunk, segment, operation } = instruction;
    const { phase, layer, exchange, steps } = segment;
    // Rows of which nobody knows how many come are counted when they are there, others when they are asked for: later their numbers may be gone.
    if (
      exchange !== undefined &&
      operation !== undefined &&
      exchange.exchangesCounts === (instruction.kind === 'wait')
    ) {
      const tokenOffsets = integers(chunk, exchange.tokenOffsets);
      const slotOffsets = integers(chunk, exchange.slotOffsets);
      const rowBytes = sumRowBytes(locate, chunk, exchange);
      looks.set(instruction, () => {
        bytes[operation] = rowBytes * countIncoming(exchange, tokenOffsets, slotOffsets, expertRank);
      });
    }
    for (const step of isExperts(instruction) && phase === 'forward' ? steps : []) {
      if (step.kind !== 'experts') continue;
      const slotOffsets = integers(chunk, step.slotOffsets);
      expertRows.set(layer, 0);
      looks.set(instruction, () => {
        expertRows.set(layer, (expertRows.get(layer) ?? 0) + slotOffsets[step.slots]);
      });
    }
  }
  return looks;
}

/** Bytes of one row of all tensors of an exchange. */
function sumRowBytes(locate: Locate, chunk: Chunk, { tensors }: RowExchange): number {
  return tensors.reduce((sum, { tokenSide }) => {
    const shape = locate(chunk, tokenSide)?.shape.slice(1) ?? [];
    return sum + 4 * shape.reduce((product, dim) => product * dim, 1);
  }, 0);
}

/** Rows that come from other ranks: tokens of theirs to this rank's slots, or of this rank's from theirs. */
function countIncoming(
  { direction }: RowExchange,
  tokenOffsets: Int32Array,
  slotOffsets: Int32Array,
  expertRank: number,
): number {
  const slots = slotOffsets.length - 1;
  const own = tokenOffsets[(expertRank + 1) * slots] - tokenOffsets[expertRank * slots];
  return (direction === 'toExperts' ? slotOffsets[slots] : tokenOffsets[tokenOffsets.length - 1]) - own;
}

function sumExpertSeconds({ instructions, times }: BoundProgram): number {
  return instructions.reduce(
    (sum, { instruction }, index) => sum + (isExperts(instruction) ? times[3 * index + 2] - times[3 * index + 1] : 0),
    0,
  );
}

/** Bytes a second of the fastest tenth of some transfers, of those that brought something; undefined if none did. */
export function rateOfFastest(
  transfers: readonly { readonly bytes: number; readonly seconds: number }[],
): number | undefined {
  const fastest = transfers
    .filter(({ bytes, seconds }) => bytes > 0 && seconds > 0)
    .sort((a, b) => b.bytes / b.seconds - a.bytes / a.seconds);
  const some = fastest.slice(0, Math.ceil(fastest.length / 10));
  const sum = (pick: (transfer: (typeof some)[number]) => number) => some.reduce((total, one) => total + pick(one), 0);
  return some.length === 0 ? undefined : sum(({ bytes }) => bytes) / sum(({ seconds }) => seconds);
}
