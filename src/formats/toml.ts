import { parse, TomlError } from 'smol-toml';
import { InputError } from '../base/index.js';

/** The tables of a TOML text as plain data. Throws `InputError` with line and column where it is no TOML. */
export function parseToml(text: string, where: string): Record<string, unknown> {
  try {
    return parse(text, { maxDepth: 32 });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // The library's message goes on with a drawing of the place.
    const [reason] = error.message.replace(/^Invalid TOML document: /, '').split('\n');
    const place = `${where}, line ${error.line}, column ${error.column}`;
    throw new InputError(
      { what: `it is no valid TOML: ${reason}`, where: place, mend: 'correct the file' },
      { cause: error },
    );
  }
}
