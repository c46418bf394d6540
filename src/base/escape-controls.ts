/**
 * C0 but for line feed and tab, DEL, C1, and what turns the direction of text (embeddings, overrides and isolates of
 * Unicode's bidirectional algorithm, UAX 9), which can show a line in another order than it is read in.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
const CONTROLS = /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/**
 * `text` with every character that would steer a terminal written out, as `\x1b` or `\u202e`; line feeds and tabs stay.
 * A text with nothing to escape is given back as it is.
 */
export function escapeControls(text: string): string {
  return text.replace(CONTROLS, (control) => {
    const code = control.charCodeAt(0);
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : unicodeEscape(control);
  });
}

/**
 * A JSON text in which what `escapeControls` writes out is escaped as JSON does: to a reader of JSON it is the same.
 */
export function escapeJsonControls(json: string): string {
  return json.replace(CONTROLS, unicodeEscape);
}

function unicodeEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
