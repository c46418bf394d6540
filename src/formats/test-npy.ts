/** What `writeNpy` writes. */
interface ArrayToWrite {
  /** NumPy's `dtype.str`, such as `<i8`. */
  readonly descr: string;
  readonly shape: readonly number[];
  /** As they lie in the file. */
  readonly data: Uint8Array;
  readonly isFortran?: boolean;
  readonly version?: 1 | 2 | 3;
}

/** A `.npy` file as NumPy writes it. */
export function writeNpy({
  descr,
  shape,
  data,
  isFortran = false,
  version = 1,
}: ArrayToWrite): Uint8Array<ArrayBuffer> {
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const dict = `{'descr': '${descr}', 'fortran_order': ${isFortran ? 'True' : 'False'}, 'shape': (${sizes}), }`;
  const start = version === 1 ? 10 : 12;
  const header = Buffer.from(`${dict.padEnd(Math.ceil((start + dict.length + 1) / 64) * 64 - start - 1)}\n`);
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(header.length);
  else length.writeUInt32LE(header.length);
  return new Uint8Array(
    Buffer.concat([Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, 'latin1'), length, header, data]),
  );
}

/** The bytes of numbers of 32 bits. */
export function bytesOfInts(numbers: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Int32Array.from(numbers).buffer);
}
