import { InputError } from '../base/index.js';

/** The text of UTF-8 bytes (a byte order mark is left out); throws `InputError` if they are none. */
export function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw new InputError({ what: 'it is not UTF-8 text', where, mend: 'convert it to UTF-8' }, { cause: error });
  }
}
