import { unzipSync } from 'fflate';
import { InputError } from '../base/index.js';

/** Bytes of an entry in the list at the end of a zip, without its name. */
const leastEntryBytes = 46;

/**
 * The entries of a zip that `isWanted` names, by name; they must be stored without compression, as `torch.save` writes them. Throws `InputError` if it is
 * no zip, was cut, or claims more than it holds; no more than its own size is allocated.
 */
export function readStoredZip(
  bytes: Uint8Array,
  where: string,
  isWanted: (name: string) => boolean,
): ReadonlyMap<string, Uint8Array> {
  const sizes = new Map<string, number>();
  let listed = 0;
  let claimed = 0;
  const refuse = (what: string): never => {
    throw new InputError({ what: `bad zip: ${what}`, where, mend: 'the file is damaged or was cut; get it again' });
  };
  // fflate asks before it allocates, so that a header's claims are held against the file here.
  const filter = ({ name, size, originalSize, compression }: ZipEntry): boolean => {
    listed += 1;
    if (listed * leastEntryBytes > bytes.length) refuse('its list has more entries than it has room for');
    if (!isWanted(name)) return false;
    const shown = JSON.stringify(name.slice(0, 80));
    if (compression !== 0) refuse(`${shown} is compressed, which torch.save does not do`);
    claimed += size;
    if (size !== originalSize || claimed > bytes.length) refuse(`${shown} claims ${size} bytes of ${bytes.length}`);
    if (sizes.has(name)) refuse(`${shown} is there twice`);
    sizes.set(name, size);
    return true;
  };
  let found: Record<string, Uint8Array>;
  try {
    found = unzipSync(bytes, { filter });
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

interface ZipEntry {
  readonly name: string;
  readonly size: number;
  readonly originalSize: number;
  readonly compression: number;
}
