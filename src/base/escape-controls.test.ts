import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { escapeControls, escapeJsonControls } from './escape-controls.js';

test('characters that steer a terminal are written out', () => {
  assert.equal(escapeControls('a\x1b[31mb\0\x07\r\x7f\x9b0m\u202e'), 'a\\x1b[31mb\\x00\\x07\\x0d\\x7f\\x9b0m\\u202e');
});

test('JSON without such characters says the same', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(0x2fff)), (codes) => {
      const text = String.fromCharCode(...codes);
      const json = escapeJsonControls(JSON.stringify({ text }));
      assert.equal(escapeControls(json), json);
      assert.deepEqual(JSON.parse(json), { text });
    }),
  );
});

test('no text keeps such a character, and what is written out can be read back', () => {
  const code = fc.oneof(fc.nat(0xff), fc.integer({ min: 0x2020, max: 0x2070 }), fc.nat(0xffff));
  // A backslash of the text itself could spell an escape.
  const text = fc.array(code).map((codes) => String.fromCharCode(...codes).replaceAll('\\', ''));
  fc.assert(
    fc.property(text, (original) => {
      const escaped = escapeControls(original);
      assert.deepEqual(escaped.match(/[\u202a-\u202e\u2066-\u2069]/), null);
      const controls = escaped.split('').filter((letter) => /\p{Cc}/u.test(letter) && !'\n\t'.includes(letter));
      assert.deepEqual(controls, []);
      const readBack = escaped.replace(/\\(?:x(..)|u(....))/gs, (_, byte = '', unit = '') =>
        String.fromCharCode(Number.parseInt(byte + unit, 16)),
      );
      assert.equal(readBack, original);
    }),
  );
});
