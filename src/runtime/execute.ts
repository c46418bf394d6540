import { now, type Transport } from '../comm/index.js';
import type { ElementType } from '../graph/index.js';
import type { Step } from '../model/index.js';
import type { BoundStep, Locate, PlacedTensor } from './bind.js';
import type { MemoryPlan } from './memory-plan.js';
import type { Chunk, Instruction, RankProgram } from './program.js';

/** An instruction bound to memory. */
interface BoundInstruction {
  readonly instruction: Instruction;
  readonly run: () => void;
  /** What a receive or a wait does first: waits for what it then uses. */
  readonly wait?: () => void;
}

/** A scalar that a chunk gave. */
export interface CollectedScalar {
  readonly meaning: 'loss' | 'balanceLoss';
  readonly batchRow: number;
  readonly layer: number;
  readonly value: number;
}

/** A whole value that was copied out, a row a microbatch. */
export interface ExportedValue {
  readonly shape: readonly number[];
  readonly type: ElementType;
  readonly rows: SharedArrayBuffer;
}

/** A program ready to run on a rank. */
export interface BoundProgram {
  readonly program: RankProgram;
  /** Byte offset of each value that has a place in the activation memory. */
  readonly offsets: MemoryPlan['offsets'];
  readonly instructions: readonly BoundInstruction[];
  readonly scalars: CollectedScalar[];
  readonly exports: ReadonlyMap<string, ExportedValue>;
  /** Position of the program's first exchange among the operations of the communication lane. */
  readonly firstExchange: number;
  /** Start, waiting's end and end of each instruction in the last run, in seconds of the process-wide clock. */
  readonly times: Float64Array;
}

export interface BindProgramOptions {
  readonly program: RankProgram;
  readonly plan: MemoryPlan;
  readonly locate: Locate;
  readonly transport: Transport;
  readonly batchRows: number;
  readonly firstExchange: number;
  readonly bindStep: (chunk: Chunk, step: Step) => BoundStep | undefined;
  /** What is done when the gradients of a stage are complete. */
  readonly reduce: (stage: number) => void;
}

/** Binds every instruction of a program once. */
export function bindProgram(options: BindProgramOptions): BoundProgram {
  const scalars: CollectedScalar[] = [];
  const exports = new Map<string, ExportedValue>();
  const instructions = options.program.instructions.map((instruction) =>
    bindInstruction(options, instruction, scalars, exports),
  );
  return {
    program: options.program,
    offsets: options.plan.offsets,
    instructions,
    scalars,
    exports,
    firstExchange: options.firstExchange,
    times: new Float64Array(3 * instructions.length),
  };
}

function bindInstruction(
  options: BindProgramOptions,
  instruction: Instruction,
  scalars: CollectedScalar[],
  exports: Map<string, ExportedValue>,
): BoundInstruction {
  const { transport } = options;
  switch (instruction.kind) {
    case 'receive': {
      const { channel, chunk, value } = instruction;
      const message = bytesOf(find(options, chunk, value));
      return {
        instruction,
        wait: () => transport.waitForMessage(channel),
        run: () => transport.receive(channel, message),
      };
    }
    case 'send': {
      const { channel, chunk, value } = instruction;
      const message = bytesOf(find(options, chunk, value));
      return { instruction, run: () => transport.send(channel, message) };
    }
    case 'collect': {
      const { chunk, value, meaning, layer } = instruction;
      const { memory } = find(options, chunk, value);
      const scalar = new Float32Array(memory.buffer, memory.byteOffset, 1);
      const { batchRow } = chunk;
      return { instruction, run: () => void scalars.push({ meaning, batchRow, layer, value: scalar[0] }) };
    }
    case 'export':
      return { instruction, run: bindExport(options, instruction, exports) };
    case 'segment': {
      const { chunk, segment, operation } = instruction;
      const run = bindSteps(options, chunk, segment.steps);
      if (operation === undefined) return { instruction, run };
      const position = options.firstExchange + operation;
      return {
        instruction,
        run: () => {
          run();
          transport.post(position);
        },
      };
    }
    case 'wait': {
      const { chunk, segment, operation } = instruction;
      const position = options.firstExchange + operation;
      return {
        instruction,
        wait: () => transport.wait(position),
        run: bindSteps(options, chunk, segment.after ?? []),
      };
    }
    case 'reduce': {
      const { stage } = instruction.chunk;
      return { instruction, run: () => options.reduce(stage) };
    }
    default:
      return instruction satisfies never;
  }
}

function bindSteps({ bindStep }: BindProgramOptions, chunk: Chunk, steps: readonly Step[]): () => void {
  const bound = steps.flatMap((step) => bindStep(chunk, step) ?? []);
  return () => {
    for (const step of bound) step();
  };
}

function bindExport(
  options: BindProgramOptions,
  { chunk, value }: { chunk: Chunk; value: string },
  exports: Map<string, ExportedValue>,
): () => void {
  const tensor = find(options, chunk, value);
  const bytes = bytesOf(tensor);
  let exported = exports.get(value);
  if (exported === undefined) {
    exported = {
      shape: tensor.shape,
      type: tensor.type,
      rows: new SharedArrayBuffer(bytes.length * options.batchRows),
    };
    exports.set(value, exported);
  }
  const row = new Uint8Array(exported.rows, chunk.batchRow * bytes.length, bytes.length);
  return () => row.set(bytes);
}

function find({ locate }: BindProgramOptions, chunk: Chunk, value: string): PlacedTensor {
  const tensor = locate(chunk, { space: 'value', name: value });
  if (tensor === undefined) throw new Error(`value ${value} of stage ${chunk.stage} has no place`);
  return tensor;
}

function bytesOf({ memory, shape }: PlacedTensor): Uint8Array {
  return new Uint8Array(memory.buffer, memory.byteOffset, 4 * shape.reduce((product, dim) => product * dim, 1));
}

/** Who looks on while a program runs. */
export interface ProgramWatcher {
  readonly beforeEach?: (index: number, instructions: number) => void;
  readonly afterEach?: (instruction: Instruction) => void;
}

/** Runs all instructions in order. */
export function runProgram(
  { instructions, scalars, times }: BoundProgram,
  { beforeEach, afterEach }: ProgramWatcher = {},
): void {
  scalars.length = 0;
  for (let index = 0; index < instructions.length; index++) {
    const { instruction, wait, run } = instructions[index];
    beforeEach?.(index, instructions.length);
    const start = now();
    wait?.();
    times[3 * index] = start;
    times[3 * index + 1] = wait === undefined ? start : now();
    run();
    times[3 * index + 2] = now();
    afterEach?.(instruction);
  }
}
