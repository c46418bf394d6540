import { readdirSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readFileBytes } from '../../formats/index.js';

/** Dependencies with readable source, whose versions `package.json` pins: wherever doubletrack is installed, so are they. */
const packages = ['@bufbuild/protobuf', 'commander', 'fflate', 'smol-toml', 'yaml'] as const;
const maxFileBytes = 2 ** 20;

/**
 * The JavaScript of packages that doubletrack depends on, about 1.1 MB: of each the modules in the folder of its entry point, in the order of their
 * paths. The same bytes for the same versions. Throws `InputError` if a file cannot be read.
 */
export function loadCode(): Uint8Array[] {
  return packages.flatMap((name) => {
    const folder = dirname(fileURLToPath(import.meta.resolve(name)));
    return listModules(folder).map((file) => readFileBytes(join(folder, file), { maxBytes: maxFileBytes }));
  });
}

/** Only `.js`: files of other endings hold the same code again, for other loaders. The order does not depend on the file system or the language. */
function listModules(folder: string): string[] {
  return readdirSync(folder, { recursive: true })
    .map((file) => String(file).split(sep).join('/'))
    .filter((file) => file.endsWith('.js') && !file.split('/').includes('node_modules'))
    .sort();
}
