import { BufferReader, Parser } from 'pickleparser';
import { DoubletrackError, InputError } from '../base/index.js';

/** A name that a pickle may ask for, as the function that stands for it. It gets what the pickle hands it: check it. */
export type PickleGlobal = (...args: readonly unknown[]) => unknown;

export interface PickleRules {
  /** By `module.name`; a pickle that asks for anything else is refused. */
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** What stands for a persistent id. It gets what the pickle hands it: check it. */
  readonly resolvePersistent: (id: unknown) => unknown;
}

const mostBytes = 2 ** 26;
/** An empty dict is one byte of a pickle, and some hundred bytes of memory. */
const mostObjects = 2 ** 21;

/**
 * The value in a pickle of protocol 2 to 5: dicts are `Map`s, lists and tuples are arrays. Only plain data and the names in `rules` are read: nothing that the
 * pickle names is ever looked up or run. Objects may be shared, and may hold themselves: whoever walks the value must bound his steps.
 * Throws `InputError` that names the global it refuses, or the byte at which the pickle is no such one.
 */
export function readPickle(bytes: Uint8Array, where: string, rules: PickleRules): unknown {
  if (bytes.length > mostBytes)
    throw badPickle(`it is longer than ${mostBytes} bytes`, where, 'record less, or fewer steps');
  const { end, problem } = scanPickle(bytes);
  const parser = new Parser({
    nameResolver: { resolve: (module, name) => resolveGlobal(module, name, where, rules) },
    persistentResolver: { resolve: (id) => rules.resolvePersistent(id) },
    unpicklingTypeOfDictionary: 'Map',
  });
  try {
    // What comes before a problem is read first: it says which global is asked for, which tells more.
    const value = parser.read<unknown>(new BufferReader(bytes.subarray(0, end)));
    if (problem === undefined) return value;
  } catch (error) {
    if (error instanceof DoubletrackError) throw error;
    if (problem === undefined) {
      const reason = error instanceof Error ? error.message.slice(0, 120) : '';
      throw badPickle(reason, where);
    }
  }
  throw badPickle(problem, where);
}

function badPickle(what: string, where: string, mend = 'the file is damaged or holds more than tensors'): InputError {
  return new InputError({ what: `bad pickle: ${what}`, where, mend });
}

/** The pickle may hand over anything as a name, also an object whose text is endless. */
function resolveGlobal(module: unknown, name: unknown, where: string, rules: PickleRules): PickleGlobal {
  const isNamed = typeof module === 'string' && typeof name === 'string';
  const known = isNamed ? rules.globals.get(`${module}.${name}`) : undefined;
  if (known !== undefined) return known;
  const shown = isNamed ? JSON.stringify(`${module}.${name}`.slice(0, 80)).slice(1, -1) : 'a name that is no text';
  throw new InputError({
    what: `the pickle asks for ${shown}, which is not run`,
    where,
    mend: 'save plain tensors, numbers, lists and dicts only',
  });
}

/** What follows an opcode: so many bytes, or a length of so many bytes and then that many, or lines of text. */
type Argument = { readonly bytes: number } | { readonly lengthBytes: 1 | 4 | 8 } | { readonly lines: number };

const none: Argument = { bytes: 0 };

/**
 * The opcodes that Python writes for plain data since protocol 2 (https://docs.python.org/3/library/pickletools.html); BUILD, NEWOBJ, INST and the
 * others that make objects are not among them.
 */
const opcodes: ReadonlyMap<number, Argument> = new Map<number, Argument>([
  [0x80, { bytes: 1 }], // PROTO
  [0x95, { bytes: 8 }], // FRAME
  [0x2e, none], // STOP
  [0x28, none], // MARK
  [0x4e, none], // NONE
  [0x88, none], // NEWTRUE
  [0x89, none], // NEWFALSE
  [0x4a, { bytes: 4 }], // BININT
  [0x4b, { bytes: 1 }], // BININT1
  [0x4d, { bytes: 2 }], // BININT2
  [0x8a, { lengthBytes: 1 }], // LONG1
  [0x47, { bytes: 8 }], // BINFLOAT
  [0x58, { lengthBytes: 4 }], // BINUNICODE
  [0x8c, { lengthBytes: 1 }], // SHORT_BINUNICODE
  [0x8d, { lengthBytes: 8 }], // BINUNICODE8
  [0x42, { lengthBytes: 4 }], // BINBYTES
  [0x43, { lengthBytes: 1 }], // SHORT_BINBYTES
  [0x29, none], // EMPTY_TUPLE
  [0x74, none], // TUPLE
  [0x85, none], // TUPLE1
  [0x86, none], // TUPLE2
  [0x87, none], // TUPLE3
  [0x5d, none], // EMPTY_LIST
  [0x61, none], // APPEND
  [0x65, none], // APPENDS
  [0x7d, none], // EMPTY_DICT
  [0x73, none], // SETITEM
  [0x75, none], // SETITEMS
  [0x71, { bytes: 1 }], // BINPUT
  [0x72, { bytes: 4 }], // LONG_BINPUT
  [0x94, none], // MEMOIZE
  [0x68, { bytes: 1 }], // BINGET
  [0x6a, { bytes: 4 }], // LONG_BINGET
  [0x63, { lines: 2 }], // GLOBAL
  [0x93, none], // STACK_GLOBAL
  [0x52, none], // REDUCE
  [0x51, none], // BINPERSID
]);

/** Sets what an object holds. */
const build = 0x62;

const makesObject: ReadonlySet<number> = new Set([
  0x28, 0x29, 0x74, 0x85, 0x86, 0x87, 0x5d, 0x7d, 0x42, 0x43, 0x52, 0x51, 0x93, 0x63,
]);

/**
 * Walks over a pickle without reading it: checks every opcode and length, as pickleparser goes backwards on a negative length and takes long for a long
 * integer. `end` is the position after STOP, or that of the first problem.
 */
function scanPickle(bytes: Uint8Array): { readonly end: number; readonly problem?: string } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let objects = 0;
  let position = 0;
  while (position < bytes.length) {
    const opcode = bytes[position]!;
    const argument = opcodes.get(opcode);
    if (opcode === build)
      return { end: position, problem: 'it holds an object with attributes, such as a model or its state_dict' };
    if (argument === undefined)
      return { end: position, problem: `opcode ${opcode} at byte ${position} is for more than plain data` };
    if (makesObject.has(opcode)) objects += 1;
    if (objects > mostObjects) return { end: 0, problem: `it has more than ${mostObjects} objects` };
    const next = endOfArgument(bytes, view, position + 1, argument);
    if (next === undefined) return { end: position, problem: `it ends within the opcode at byte ${position}` };
    if (opcode === 0x8a && !isReadableLong(bytes.subarray(position + 2, next)))
      return { end: position, problem: `the integer at byte ${position} has more than 53 bits` };
    position = next;
    if (opcode === 0x2e) return { end: position };
  }
  return { end: bytes.length, problem: 'it has no end' };
}

/** Undefined where it lies beyond the end. */
function endOfArgument(bytes: Uint8Array, view: DataView, start: number, argument: Argument): number | undefined {
  let end = start;
  if ('bytes' in argument) {
    end += argument.bytes;
  } else if ('lines' in argument) {
    for (let line = 0; line < argument.lines; line++) {
      const newline = bytes.indexOf(0x0a, end);
      if (newline < 0) return undefined;
      end = newline + 1;
    }
  } else {
    end += argument.lengthBytes;
    if (end > bytes.length) return undefined;
    end += readLength(view, start, argument.lengthBytes);
  }
  return end <= bytes.length ? end : undefined;
}

function readLength(view: DataView, position: number, lengthBytes: 1 | 4 | 8): number {
  if (lengthBytes === 1) return view.getUint8(position);
  if (lengthBytes === 4) return view.getUint32(position, true);
  return Number(view.getBigUint64(position, true));
}

/** Little-endian; pickleparser reads it without a sign, so that a negative one is large. */
function isReadableLong(digits: Uint8Array): boolean {
  return digits.length <= 6 || (digits.length <= 8 && (digits[6]! & 0xe0) === 0 && (digits[7] ?? 0) === 0);
}
