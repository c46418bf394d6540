import { unzipSync } from 'fflate';
import { InputError } from '../base/index.js';

/** Bytes of an entry in the list at the end of a zip, without its name. */
const leastEntryBytes = 46;

/** As many bytes of content as a byte of deflate stands for, at most. */
const mostInflation = 1032;

/** Whether bytes begin as a zip. */
export function isZip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x50 && bytes[1] === 0x4b && bytes[2] === 3 && bytes[3] === 4;
}

const mostListed = 4096;

/** Names of the entries of a zip, the first of them; undefined where it is damaged or was cut. */
export function listZip(bytes: Uint8Array): readonly string[] | undefined {
  const names: string[] = [];
  try {
    unzipSync(bytes, {
      filter: ({ name }) => {
        if (names.length < mostListed) names.push(name);
        return false;
      },
    });
  } catch {
    return undefined;
  }
  return names;
}

/** What is read of a zip. */
interface ZipOptions {
  readonly isWanted: (name: string) => boolean;
  /** Of all wanted entries together; compressed ones are refused where it is left out. */
  readonly maxBytes?: number;
}

/**
 * The entries of a zip that `isWanted` names, by name; they must be stored without compression, as `torch.save` writes
 * them. Throws `InputError` if it is no zip, was cut, or claims more than it holds; no more than its own size is
 * allocated.
 */
export function readStoredZip(
  bytes: Uint8Array,
  where: string,
  isWanted: (name: string) => boolean,
): ReadonlyMap<string, Uint8Array> {
  return readZip(bytes, where, { isWanted });
}

/**
 * As `readStoredZip`, but with `maxBytes` also compressed ones, as of `numpy.savez_compressed`: then no more than that
 * is allocated.
 */
export function readZip(bytes: Uint8Array, where: string, options: ZipOptions): ReadonlyMap<string, Uint8Array> {
  const sizes = new Map<string, number>();
  const refuse = (what: string): never => {
    throw new InputError({ what: `bad zip: ${what}`, where, mend: 'the file is damaged or was cut; get it again' });
  };
  let found: Record<string, Uint8Array>;
  try {
    // fflate asks before it allocates, so that a header's claims are held against the file before.
    found = unzipSync(bytes, { filter: createFilter(bytes.length, sizes, options, refuse) });
  } catch (error) {
    if (error instanceof InputError) throw error;
    return refuse(error instanceof Error ? error.message.slice(0, 120) : 'it cannot be read');
  }
  const entries = new Map<string, Uint8Array>();
  for (const [name, size] of sizes) {
    const entry = Object.hasOwn(found, name) ? found[name] : undefined;
    // A copy that ends with the file is shorter than was claimed.
    if (entry?.length !== size) return refuse(`${JSON.stringify(name.slice(0, 80))} goes beyond the end of the file`);
    entries.set(name, entry);
  }
  return entries;
}

/** Whether fflate reads an entry; its size goes into `sizes`. */
function createFilter(
  fileBytes: number,
  sizes: Map<string, number>,
  { isWanted, maxBytes }: ZipOptions,
  refuse: (what: string) => never,
): (entry: ZipEntry) => boolean {
  let listed = 0;
  let claimed = 0;
  return ({ name, size, originalSize, compression }) => {
    listed += 1;
    if (listed * leastEntryBytes > fileBytes) refuse('its list has more entries than it has room for');
    if (!isWanted(name)) return false;
    const shown = JSON.stringify(name.slice(0, 80));
    const isStored = compression === 0;
    if (!isStored && maxBytes === undefined) refuse(`${shown} is compressed, which torch.save does not do`);
    claimed += originalSize;
    const most = maxBytes === undefined ? fileBytes : Math.min(maxBytes, mostInflation * fileBytes);
    if (size > fileBytes || (isStored && size !== originalSize) || claimed > most)
      refuse(`${shown} claims ${Math.max(size, originalSize)} bytes of ${fileBytes}`);
    if (sizes.has(name)) refuse(`${shown} is there twice`);
    sizes.set(name, originalSize);
    return true;
  };
}

interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly originalSize: number;
  readonly compression: number;
}
