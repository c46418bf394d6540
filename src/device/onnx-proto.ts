import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { ElementType, Shape } from '../graph/index.js';

// The messages of onnx.proto (ONNX 1.13) that our models need. The numbers are the fields' numbers there.

/** Value of an attribute, by its type. */
type Attribute =
  | { readonly int: number }
  | { readonly float: number }
  | { readonly text: string }
  | { readonly ints: readonly number[] };

type Domain = 'com.microsoft';

/** One operator at work; values are known by their names. */
export interface OnnxNode {
  readonly operator: string;
  /** Absent for ONNX's own operators. */
  readonly domain?: Domain;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes?: Readonly<Record<string, Attribute>>;
}

/** A constant; the class of `data` tells its type. */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | BigInt64Array;
}

/** An input or output of the model. Named dims are ONNX's dim_param. */
export interface OnnxPort {
  readonly name: string;
  readonly shape: Shape;
  readonly type: ElementType;
}

export interface OnnxModel {
  /** In an order in which they can run. */
  readonly nodes: readonly OnnxNode[];
  readonly constants: readonly OnnxConstant[];
  readonly inputs: readonly OnnxPort[];
  readonly outputs: readonly OnnxPort[];
}

const irVersion = 8;
const operatorSets = [
  { domain: '', version: 18 },
  { domain: 'com.microsoft', version: 1 },
];
const dataTypes = { float32: 1, int32: 6, int64: 7 } as const;
const attributeTypes = { float: 1, int: 2, text: 3, ints: 7 } as const;

/** The model as a serialised ModelProto. */
export function writeModel(model: OnnxModel): Uint8Array<ArrayBuffer> {
  const writer = new BinaryWriter();
  integer(writer, 1, irVersion);
  text(writer, 2, 'doubletrack');
  message(writer, 7, () => writeGraph(writer, model));
  for (const { domain, version } of operatorSets) {
    message(writer, 8, () => {
      text(writer, 1, domain);
      integer(writer, 2, version);
    });
  }
  return writer.finish();
}

function writeGraph(writer: BinaryWriter, { nodes, constants, inputs, outputs }: OnnxModel): void {
  for (const node of nodes) message(writer, 1, () => writeNode(writer, node));
  text(writer, 2, 'graph');
  for (const constant of constants) message(writer, 5, () => writeConstant(writer, constant));
  for (const port of inputs) message(writer, 11, () => writePort(writer, port));
  for (const port of outputs) message(writer, 12, () => writePort(writer, port));
}

function writeNode(writer: BinaryWriter, { operator, domain, inputs, output, attributes = {} }: OnnxNode): void {
  for (const input of inputs) text(writer, 1, input);
  text(writer, 2, output);
  // Shown in the engine's error messages.
  text(writer, 3, `${operator} ${output}`);
  text(writer, 4, operator);
  for (const [name, attribute] of Object.entries(attributes)) {
    message(writer, 5, () => writeAttribute(writer, name, attribute));
  }
  if (domain !== undefined) text(writer, 7, domain);
}

function writeAttribute(writer: BinaryWriter, name: string, attribute: Attribute): void {
  text(writer, 1, name);
  if ('float' in attribute) {
    writer.tag(2, WireType.Bit32).float(attribute.float);
    integer(writer, 20, attributeTypes.float);
  } else if ('int' in attribute) {
    integer(writer, 3, attribute.int);
    integer(writer, 20, attributeTypes.int);
  } else if ('text' in attribute) {
    text(writer, 4, attribute.text);
    integer(writer, 20, attributeTypes.text);
  } else {
    for (const value of attribute.ints) integer(writer, 8, value);
    integer(writer, 20, attributeTypes.ints);
  }
}

function writeConstant(writer: BinaryWriter, { name, shape, data }: OnnxConstant): void {
  for (const dim of shape) integer(writer, 1, dim);
  integer(writer, 2, dataTypes[elementType(data)]);
  text(writer, 8, name);
  writer.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

function elementType(data: OnnxConstant['data']): keyof typeof dataTypes {
  if (data instanceof Float32Array) return 'float32';
  return data instanceof Int32Array ? 'int32' : 'int64';
}

function writePort(writer: BinaryWriter, { name, shape, type }: OnnxPort): void {
  text(writer, 1, name);
  message(writer, 2, () => {
    message(writer, 1, () => {
      integer(writer, 1, dataTypes[type]);
      message(writer, 2, () => writeShape(writer, shape));
    });
  });
}

function writeShape(writer: BinaryWriter, shape: Shape): void {
  for (const dim of shape) {
    message(writer, 1, () => {
      if (typeof dim === 'number') integer(writer, 1, dim);
      else text(writer, 2, dim);
    });
  }
}

function message(writer: BinaryWriter, field: number, write: () => void): void {
  writer.tag(field, WireType.LengthDelimited).fork();
  write();
  writer.join();
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

function integer(writer: BinaryWriter, field: number, value: number): void {
  writer.tag(field, WireType.Varint).int64(value);
}
