import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ElementType, Shape } from '../graph/index.js';

/** A node of an ONNX graph. */
export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  /** `com.microsoft` for ONNX Runtime's own operators; ONNX's if absent. */
  readonly domain?: string;
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export type OnnxAttribute =
  | { readonly float: number }
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly text: string };

export interface OnnxInitializer {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

export interface OnnxPort {
  readonly name: string;
  readonly shape: Shape;
  readonly type: ElementType;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxInitializer[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

/** ONNX's numbers of element types (TensorProto.DataType). */
const dataTypes = { float32: 1, int32: 6, int64: 7 } as const;
const IR_VERSION = 8;
const OPSET = 17;

type Write = (writer: BinaryWriter) => BinaryWriter;

/** Field numbers below are those of onnx.proto (ONNX 1.12, IR version 8). */
function message(writer: BinaryWriter, field: number, write: Write): BinaryWriter {
  return write(writer.tag(field, WireType.LengthDelimited).fork()).join();
}

function text(writer: BinaryWriter, field: number, value: string): BinaryWriter {
  return writer.tag(field, WireType.LengthDelimited).string(value);
}

function int(writer: BinaryWriter, field: number, value: number): BinaryWriter {
  return writer.tag(field, WireType.Varint).int64(value);
}

/** The bytes of an ONNX ModelProto with one graph. */
export function writeModel(graph: OnnxGraph): Uint8Array {
  const writer = new BinaryWriter();
  int(writer, 1, IR_VERSION);
  message(writer, 7, (w) => writeGraph(w, graph));
  for (const [domain, version] of [
    ['', OPSET],
    ['com.microsoft', 1],
  ] as const) {
    message(writer, 8, (w) => int(text(w, 1, domain), 2, version));
  }
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, { nodes, initializers, inputs, outputs }: OnnxGraph): BinaryWriter {
  for (const node of nodes) message(writer, 1, (w) => writeNode(w, node));
  text(writer, 2, 'graph');
  for (const initializer of initializers) message(writer, 5, (w) => writeTensor(w, initializer));
  for (const port of inputs) message(writer, 11, (w) => writePort(w, port));
  for (const port of outputs) message(writer, 12, (w) => writePort(w, port));
  return writer;
}

function writeNode(writer: BinaryWriter, { op, inputs, outputs, domain, attributes = {} }: OnnxNode): BinaryWriter {
  for (const input of inputs) text(writer, 1, input);
  for (const output of outputs) text(writer, 2, output);
  text(writer, 4, op);
  for (const [name, attribute] of Object.entries(attributes))
    message(writer, 5, (w) => writeAttribute(text(w, 1, name), attribute));
  if (domain !== undefined) text(writer, 7, domain);
  return writer;
}

function writeAttribute(writer: BinaryWriter, attribute: OnnxAttribute): BinaryWriter {
  const type = (value: number) => int(writer, 20, value);
  if ('float' in attribute) {
    writer.tag(2, WireType.Bit32).float(attribute.float);
    return type(1);
  }
  if ('int' in attribute) {
    int(writer, 3, attribute.int);
    return type(2);
  }
  if ('text' in attribute) {
    text(writer, 4, attribute.text);
    return type(3);
  }
  for (const value of attribute.ints) int(writer, 8, value);
  return type(7);
}

function writeTensor(writer: BinaryWriter, { name, shape, data }: OnnxInitializer): BinaryWriter {
  for (const dim of shape) int(writer, 1, dim);
  const type = data instanceof Float32Array ? 'float32' : data instanceof Int32Array ? 'int32' : 'int64';
  int(writer, 2, dataTypes[type]);
  text(writer, 8, name);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return writer.tag(9, WireType.LengthDelimited).bytes(bytes);
}

function writePort(writer: BinaryWriter, { name, shape, type }: OnnxPort): BinaryWriter {
  const writeDim = (dim: number | string) => (w: BinaryWriter) =>
    typeof dim === 'number' ? int(w, 1, dim) : text(w, 2, dim);
  const writeShape: Write = (w) => shape.reduce<BinaryWriter>((all, dim) => message(all, 1, writeDim(dim)), w);
  const tensor: Write = (w) => message(int(w, 1, dataTypes[type]), 2, writeShape);
  return message(text(writer, 1, name), 2, (w) => message(w, 1, tensor));
}
