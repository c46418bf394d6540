import type { Call, Engine, Kernel, TensorHandle, TensorMemory } from '../device/index.js';
import type { ElementType } from '../graph/index.js';
import type { Binding, ExpertsStep, Ref, RouteStep, Routing, RunStep, Step } from '../model/index.js';
import type { MemoryPlan } from './memory-plan.js';
import { type Chunk, instanceName, type RankProgram } from './program.js';
import type { StateLayout } from './state-layout.js';

/** A tensor of fixed shape in memory. */
export interface PlacedTensor {
  readonly memory: TensorMemory;
  readonly shape: readonly number[];
  readonly type: ElementType;
}

/** What the step trains on, a row a microbatch: tokens and targets int32 `[rows, tokens]`, tokenWeights float32 `[rows, tokens]`. */
export interface BatchMemory {
  readonly rows: number;
  readonly tokens: number;
  readonly buffers: {
    readonly tokens: SharedArrayBuffer;
    readonly targets: SharedArrayBuffer;
    readonly tokenWeights: SharedArrayBuffer;
  };
}

export function createBatchMemory(rows: number, tokens: number): BatchMemory {
  const buffer = () => new SharedArrayBuffer(4 * rows * tokens);
  return { rows, tokens, buffers: { tokens: buffer(), targets: buffer(), tokenWeights: buffer() } };
}

/** The memory of a rank, in which the tensors of its steps are found. */
export interface RankMemory {
  readonly state: SharedArrayBuffer;
  readonly layout: StateLayout;
  readonly activations: SharedArrayBuffer;
  readonly batch: BatchMemory;
}

/** Finds the tensor of a `Ref`; undefined for a value that has no place because nobody reads it. */
export type Locate = (chunk: Chunk, ref: Ref) => PlacedTensor | undefined;

/** Locates tensors in `memory` by the plan of a program. */
export function createLocate(memory: RankMemory, program: RankProgram, plan: MemoryPlan): Locate {
  const { layout, state, activations, batch } = memory;
  return (chunk, { space, name }) => {
    switch (space) {
      case 'value': {
        const byteOffset = plan.offsets.get(instanceName(chunk, name));
        const spec = program.values.get(name);
        return byteOffset === undefined || spec === undefined
          ? undefined
          : { memory: { buffer: activations, byteOffset }, ...spec };
      }
      case 'parameter':
      case 'gradient': {
        const tensor = layout.tensors.get(name);
        if (tensor === undefined) throw new Error(`parameter ${name} is not on this rank`);
        const region = space === 'parameter' ? layout.byteOffsets.parameters : layout.byteOffsets.gradients;
        return {
          memory: { buffer: state, byteOffset: region + 4 * tensor.position },
          shape: tensor.shape,
          type: 'float32',
        };
      }
      case 'buffer': {
        const buffer = layout.buffers.get(name);
        if (buffer === undefined) throw new Error(`buffer ${name} is not on this rank`);
        return { memory: { buffer: state, byteOffset: buffer.byteOffset }, shape: buffer.shape, type: 'float32' };
      }
      case 'batch':
        return locateBatch(batch, chunk, name);
      default:
        return space satisfies never;
    }
  };
}

function locateBatch({ tokens, buffers }: BatchMemory, chunk: Chunk, name: string): PlacedTensor {
  const byteOffset = 4 * tokens * chunk.batchRow;
  if (name === 'tokens') return { memory: { buffer: buffers.tokens, byteOffset }, shape: [tokens], type: 'int32' };
  if (name === 'targets') return { memory: { buffer: buffers.targets, byteOffset }, shape: [tokens], type: 'int32' };
  return { memory: { buffer: buffers.tokenWeights, byteOffset }, shape: [tokens, 1], type: 'float32' };
}

/** What binding needs: tensors are made once for each place and shape. */
export interface BindContext {
  readonly engine: Engine;
  readonly kernels: { get(name: string): Kernel | undefined };
  readonly locate: Locate;
  readonly tensors: Map<string, TensorHandle>;
  readonly bufferIds: Map<SharedArrayBuffer, number>;
  /** The experts' calls of a step serve all its microbatches, since the rows are bound run by run. */
  readonly expertCalls: Map<ExpertsStep, readonly Call[]>;
  /** Runs a layer's router; also counts the tokens of each expert. */
  readonly route: (layer: number, scores: Float32Array, bias: Float32Array, routing: Routing) => void;
}

/** A step bound to its memory: running it allocates nothing but the handles of the experts' rows. */
export type BoundStep = () => void;

/** Binds a step of a chunk, or gives undefined if nobody reads what it computes. */
export function bindStep(context: BindContext, chunk: Chunk, step: Step): BoundStep | undefined {
  switch (step.kind) {
    case 'run':
      return bindRun(context, chunk, step);
    case 'route':
      return bindRoute(context, chunk, step);
    case 'experts':
      return bindExperts(context, chunk, step);
    default:
      return step satisfies never;
  }
}

function handleOf({ engine, tensors, bufferIds }: BindContext, { memory, shape, type }: PlacedTensor): TensorHandle {
  const id = bufferIds.get(memory.buffer) ?? bufferIds.size;
  bufferIds.set(memory.buffer, id);
  const key = `${id}:${memory.byteOffset}:${type}:${shape.join('x')}`;
  const handle = tensors.get(key) ?? engine.tensor(memory, shape, type);
  tensors.set(key, handle);
  return handle;
}

function kernelOf({ kernels }: BindContext, name: string): Kernel {
  const kernel = kernels.get(name);
  if (kernel === undefined) throw new Error(`no kernel is called ${name}`);
  return kernel;
}

function bindRun(context: BindContext, chunk: Chunk, step: RunStep): BoundStep | undefined {
  const ports: Record<string, TensorHandle> = {};
  let outputs = 0;
  for (const { port, ref } of step.inputs) ports[port] = handleOf(context, located(context, chunk, ref));
  for (const { port, ref } of step.outputs) {
    const tensor = context.locate(chunk, ref);
    if (tensor === undefined) continue;
    ports[port] = handleOf(context, tensor);
    outputs++;
  }
  if (outputs === 0) return undefined;
  const call = context.engine.call(kernelOf(context, step.kernel), ports);
  return () => call.run();
}

function located(context: BindContext, chunk: Chunk, ref: Ref): PlacedTensor {
  const tensor = context.locate(chunk, ref);
  if (tensor === undefined) throw new Error(`${ref.space} ${ref.name} of stage ${chunk.stage} has no place`);
  return tensor;
}

const elements = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);

function floats({ memory, shape }: PlacedTensor): Float32Array {
  return new Float32Array(memory.buffer, memory.byteOffset, elements(shape));
}

function integers({ memory, shape }: PlacedTensor): Int32Array {
  return new Int32Array(memory.buffer, memory.byteOffset, elements(shape));
}

/** A value that a step writes, or memory of its own where nobody else reads it. */
function placeOrOwn(context: BindContext, chunk: Chunk, ref: Ref, fallback: number): PlacedTensor {
  return (
    context.locate(chunk, ref) ?? {
      memory: { buffer: new SharedArrayBuffer(4 * fallback), byteOffset: 0 },
      shape: [fallback],
      type: 'int32',
    }
  );
}

function bindRoute(context: BindContext, chunk: Chunk, step: RouteStep): BoundStep {
  const scores = floats(located(context, chunk, step.scores));
  const bias = floats(located(context, chunk, step.bias));
  const rows = integers(located(context, chunk, step.writes.rowToToken)).length;
  const index = (ref: Ref) => integers(placeOrOwn(context, chunk, ref, rows));
  const routing: Routing = {
    choiceToScore: index(step.writes.choiceToScore),
    rowToChoice: index(step.writes.rowToChoice),
    rowToToken: index(step.writes.rowToToken),
    choiceToRow: index(step.writes.choiceToRow),
    slotOffsets: index(step.writes.slotOffsets),
    loadFractions: floats(placeOrOwn(context, chunk, step.writes.loadFractions, rows * bias.length)),
  };
  return () => context.route(step.layer, scores, bias, routing);
}

/** A `[rows, ...]` tensor of which every slot's run sees its own rows. */
interface RowsPort {
  readonly port: string;
  readonly memory: TensorMemory;
  readonly rowBytes: number;
  readonly shape: number[];
  readonly type: ElementType;
}

function bindExperts(context: BindContext, chunk: Chunk, step: ExpertsStep): BoundStep | undefined {
  const { engine } = context;
  const inputs = step.inputs.map((binding) => rowsPort(binding, located(context, chunk, binding.ref)));
  const outputs = step.outputs.flatMap((binding) => {
    const tensor = context.locate(chunk, binding.ref);
    return tensor === undefined ? [] : [rowsPort(binding, tensor)];
  });
  const writesGradients = step.parameters.some((bindings) => bindings.some(({ ref }) => ref.space === 'gradient'));
  if (outputs.length === 0 && !writesGradients) return undefined;
  const ports = [...inputs, ...outputs];
  const offsets = integers(located(context, chunk, step.slotOffsets));
  const calls = expertCalls(context, chunk, step, ports);
  const handles: TensorHandle[] = new Array(ports.length);
  return () => {
    for (let slot = 0; slot < step.slots; slot++) {
      const first = offsets[slot];
      const rows = offsets[slot + 1] - first;
      if (rows === 0) continue;
      const call = calls[slot];
      for (let index = 0; index < ports.length; index++) {
        const { port, memory, rowBytes, shape, type } = ports[index];
        shape[0] = rows;
        const handle = engine.tensor(
          { buffer: memory.buffer, byteOffset: memory.byteOffset + first * rowBytes },
          shape,
          type,
        );
        call.bind(port, handle);
        handles[index] = handle;
      }
      call.run();
      for (const handle of handles) engine.releaseTensor(handle);
    }
  };
}

function rowsPort({ port }: Binding, { memory, shape, type }: PlacedTensor): RowsPort {
  return { port, memory, rowBytes: 4 * elements(shape.slice(1)), shape: [...shape], type };
}

/** One call a slot, with its parameters bound for good and the whole rows for now. */
function expertCalls(
  context: BindContext,
  chunk: Chunk,
  step: ExpertsStep,
  ports: readonly RowsPort[],
): readonly Call[] {
  const known = context.expertCalls.get(step);
  if (known !== undefined) return known;
  const kernel = kernelOf(context, step.kernel);
  const calls = step.parameters.map((bindings) => {
    const tensors: Record<string, TensorHandle> = {};
    for (const { port, memory, shape, type } of ports) tensors[port] = handleOf(context, { memory, shape, type });
    for (const { port, ref } of bindings) tensors[port] = handleOf(context, located(context, chunk, ref));
    return context.engine.call(kernel, tensors);
  });
  context.expertCalls.set(step, calls);
  return calls;
}
