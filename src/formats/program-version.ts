import { readFileSync } from 'node:fs';

/** The version of this program, as its package.json says. */
export function readProgramVersion(): string {
  const file = new URL('../../../package.json', import.meta.url);
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return version;
}
