import { InputError } from '../base/index.js';
import type { ElementType, Graph } from '../graph/index.js';
import type { Call, Engine, Kernel, TensorHandle, TensorMemory } from './engine.js';
import { encodeModel } from './onnx-encode.js';
import type { Address } from './onnxruntime/api.js';
import {
  addressOf,
  type CStrings,
  createCStrings,
  createPointerArray,
  type PointerArray,
} from './onnxruntime/native-memory.js';
import { createSessionOptions, elementTypes, maximumRank, openRuntime, type Runtime } from './onnxruntime/runtime.js';

/** 0n once released. */
const released: Address = 0n;
/** Bytes of an element, of either type. */
const elementBytes = 4;

interface OnnxTensor extends TensorHandle {
  value: Address;
  /** Held so that the memory outlives the tensor. */
  readonly buffer: SharedArrayBuffer;
}

interface OnnxKernel extends Kernel {
  session: Address;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly names: CStrings;
  readonly inputNames: PointerArray;
}

/**
 * The engine on ONNX Runtime's CPU kernels. Its tensors copy nothing, and a call's `run` allocates nothing on our side; it computes on `threads` threads,
 * the calling one among them. Throws `WorkError` if the library cannot be loaded.
 */
export function createOnnxEngine({ threads = 1 }: { readonly threads?: number } = {}): Engine {
  const runtime = openRuntime();
  let options = createSessionOptions(runtime, threads);
  const kernels = new Set<OnnxKernel>();
  const tensors = new Set<OnnxTensor>();
  const starts = new WeakMap<SharedArrayBuffer, Address>();
  return {
    compile(graph) {
      const kernel = createKernel(runtime, options, graph);
      kernels.add(kernel);
      return kernel;
    },
    tensor(memory, shape, type) {
      const tensor = createTensor(runtime, starts, memory, shape, type);
      tensors.add(tensor);
      return tensor;
    },
    releaseTensor(handle) {
      const tensor = handle as OnnxTensor;
      if (tensors.delete(tensor)) releaseTensor(runtime, tensor);
    },
    call: (kernel, bound) => createCall(runtime, kernel as OnnxKernel, bound),
    close() {
      for (const tensor of tensors) releaseTensor(runtime, tensor);
      tensors.clear();
      for (const kernel of kernels) {
        runtime.api.releaseSession(kernel.session);
        kernel.session = released;
      }
      kernels.clear();
      if (options !== released) runtime.api.releaseSessionOptions(options);
      options = released;
    },
  };
}

function createKernel({ api, environment, out }: Runtime, options: Address, graph: Graph): OnnxKernel {
  const model = encodeModel(graph);
  const buffer = model.buffer;
  const start = addressOf(buffer) + BigInt(model.byteOffset);
  const status = api.createSessionFromArray(environment, start, model.length, options, out.address);
  api.check(status, 'compile the graph');
  const inputs = [...graph.inputs.keys()];
  const outputs = [...graph.outputs.keys()];
  const names = createCStrings([...inputs, ...outputs]);
  const inputNames = createPointerArray(inputs.length);
  inputNames.values.set(names.addresses.slice(0, inputs.length));
  return { session: out.values[0]!, inputs, outputs, names, inputNames } as unknown as OnnxKernel;
}

function createTensor(
  runtime: Runtime,
  starts: WeakMap<SharedArrayBuffer, Address>,
  { buffer, byteOffset }: TensorMemory,
  shape: readonly number[],
  type: ElementType,
): OnnxTensor {
  const { api, cpuMemory, out, dims, dimsAddress } = runtime;
  const bytes = countBytes(shape);
  const isInside = byteOffset >= 0 && byteOffset % elementBytes === 0 && byteOffset + bytes <= buffer.byteLength;
  if (!isInside) {
    throw new InputError({
      what: `a tensor [${shape.join(', ')}] at byte ${byteOffset} does not lie in its buffer of ${buffer.byteLength} bytes`,
      mend: 'give a shape of counts, and an offset that is a multiple of 4 and leaves enough room',
    });
  }
  for (let i = 0; i < shape.length; i++) dims[i] = BigInt(shape[i]!);
  let start = starts.get(buffer);
  if (start === undefined) {
    start = addressOf(buffer);
    starts.set(buffer, start);
  }
  const status = api.createTensorWithDataAsOrtValue(
    cpuMemory,
    start + BigInt(byteOffset),
    bytes,
    dimsAddress,
    shape.length,
    elementTypes[type],
    out.address,
  );
  api.check(status, 'make a tensor');
  return { value: out.values[0]!, buffer } as OnnxTensor;
}

/** NaN if a dim is no count or there are too many: no comparison with it holds. */
function countBytes(shape: readonly number[]): number {
  if (shape.length > maximumRank) return Number.NaN;
  let count = 1;
  for (const dim of shape) count *= Number.isInteger(dim) && dim >= 0 ? dim : Number.NaN;
  return count * elementBytes;
}

function releaseTensor({ api }: Runtime, tensor: OnnxTensor): void {
  api.releaseValue(tensor.value);
  tensor.value = released;
}

function createCall(runtime: Runtime, kernel: OnnxKernel, bound: Readonly<Record<string, TensorHandle>>): Call {
  const { api } = runtime;
  const { inputs, names, inputNames } = kernel;
  const outputs = kernel.outputs.filter((port) => Object.hasOwn(bound, port));
  checkPorts(kernel, bound, outputs);
  const outputNames = createPointerArray(outputs.length);
  outputs.forEach((port, i) => {
    outputNames.values[i] = names.addresses[inputs.length + kernel.outputs.indexOf(port)]!;
  });
  const values = createPointerArray(inputs.length + outputs.length);
  const outputValues = values.address + BigInt(8 * inputs.length);
  const positions = new Map([...inputs, ...outputs].map((port, i) => [port, i]));
  const held: OnnxTensor[] = [];
  const bind = (port: string, handle: TensorHandle): void => {
    const position = positions.get(port);
    if (position === undefined) throw new InputError({ what: `port ${port} was not bound when the call was made` });
    const tensor = handle as OnnxTensor;
    checkAlive(kernel, [tensor]);
    values.values[position] = tensor.value;
    held[position] = tensor;
  };
  for (const port of positions.keys()) bind(port, bound[port]!);
  return {
    bind,
    run() {
      checkAlive(kernel, held);
      const status = api.run(
        kernel.session,
        0n,
        inputNames.address,
        values.address,
        inputs.length,
        outputNames.address,
        outputs.length,
        outputValues,
      );
      if (status !== null) api.check(status, 'run the graph');
    },
  };
}

function checkPorts(
  kernel: OnnxKernel,
  bound: Readonly<Record<string, TensorHandle>>,
  outputs: readonly string[],
): void {
  checkAlive(kernel, []);
  const ports = new Set([...kernel.inputs, ...kernel.outputs]);
  const unknown = Object.keys(bound).filter((port) => !ports.has(port));
  const missing = kernel.inputs.filter((port) => !Object.hasOwn(bound, port));
  const mend = `inputs are ${kernel.inputs.join(', ')}; outputs are ${kernel.outputs.join(', ')}`;
  if (unknown.length > 0) throw new InputError({ what: `the graph has no port ${unknown.join(', ')}`, mend });
  if (missing.length > 0) throw new InputError({ what: `no tensor is bound to ${missing.join(', ')}`, mend });
  if (outputs.length === 0) throw new InputError({ what: 'no output is bound', mend });
}

/** Native code that follows a released handle crashes the process. */
function checkAlive({ session }: OnnxKernel, tensors: readonly OnnxTensor[]): void {
  if (session === released) throw new InputError({ what: 'the engine of this kernel is closed' });
  for (const { value } of tensors) {
    if (value === released) throw new InputError({ what: 'a tensor of this call has been released' });
  }
}
