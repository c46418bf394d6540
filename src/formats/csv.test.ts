import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import { type Delimiter, findCommentedNames, findCsvShape, parseCsv } from './csv.js';

const cellsOf = (text: string, delimiter: Delimiter = ',') =>
  [...parseCsv(text, delimiter, 'a.csv')].map(({ cells }) => cells);

describe('a CSV text', () => {
  it('gives the cells that were written, whatever is in them', () => {
    const cell = fc
      .string({ unit: fc.constantFrom('a', '1', ' ', ',', '"', '\n', ';', '#') })
      .map((text) => `x${text}`);
    const rows = fc.array(fc.array(cell, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 4 });
    const quote = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
    fc.assert(
      fc.property(rows, fc.constantFrom('\n', '\r\n'), fc.boolean(), (written, newline, ends) => {
        const text = written.map((row) => row.map(quote).join(',')).join(newline) + (ends ? newline : '');
        assert.deepEqual(cellsOf(text), written);
      }),
    );
  });

  it('has lines that end as on any system, gaps and comments', () => {
    for (const newline of ['\n', '\r\n', '\r'])
      assert.deepEqual(cellsOf(['a,b', '', '# note', '1,2', ''].join(newline)), [
        ['a', 'b'],
        ['1', '2'],
      ]);
    const rows = [...parseCsv('\n1\n\n2\n3\n#\n#\n4\n\n', ',', 'a')].map(({ line, block }) => [line, block]);
    assert.deepEqual(rows, [
      [2, 0],
      [4, 1],
      [5, 1],
      [8, 2],
    ]);
    assert.deepEqual(cellsOf('1,2,\n3,4,\n'), [
      ['1', '2'],
      ['3', '4'],
    ]);
    assert.deepEqual(cellsOf(' 1.0e+00  2\t3 \n', 'space'), [['1.0e+00', '2', '3']]);
  });

  it('says where a quote has no end', () => {
    assert.throws(
      () => cellsOf('a,b\n1,"2\n3,4'),
      (error) => error instanceof InputError && /a quote has no end \(a\.csv, line 2\)/.test(error.message),
    );
    assert.throws(() => cellsOf(`a\n"${'x\n'.repeat(1e5)}`), /a quote has no end/);
  });

  it('shows what delimits it, and whether it holds numbers', () => {
    const shapes: readonly (readonly [text: string, shape: ReturnType<typeof findCsvShape>])[] = [
      ['a,b\n1,2\n', { delimiter: ',', isNumeric: true }],
      ['a;b\n1,5;2\n', { delimiter: ';', isNumeric: true }],
      ['a\tb\n1\t2\n', { delimiter: '\t', isNumeric: true }],
      ['1 2\n3 4\n', { delimiter: 'space', isNumeric: true }],
      ['name,city\nbob,rome\n', { delimiter: ',', isNumeric: false }],
      ['5\n6\n', { delimiter: ',', isNumeric: true }],
      ['Some words, and\nmore of them here.\n', undefined],
      ['', undefined],
    ];
    for (const [text, shape] of shapes) assert.deepEqual(findCsvShape(text), shape, text);
  });

  it('may have its names in a comment above', () => {
    assert.deepEqual(findCommentedNames('# made today\n# layer,count\n1,2\n', ','), ['layer', 'count']);
    assert.equal(findCommentedNames('1,2\n# layer,count\n', ','), undefined);
  });
});
