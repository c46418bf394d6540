import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { InputError } from '../base/index.js';
import {
  describeLevels,
  drawHeatMapSvg,
  drawHeatMapText,
  type HeatMap,
  heatScales,
  levelFills,
  levelOf,
  noneFills,
  type TextHeatMap,
  textOn,
} from './index.js';

function createMap(title: string, values: readonly (readonly number[])[], first = 0): HeatMap {
  return { title, values, rowLabels: values.map((_, row) => `layer ${first + row}`), columnName: 'GPU' };
}

const before = createMap('before', [
  [0.5, 1.5, 0, 2],
  [1, 1, 1, 1],
]);
const after = createMap('after', [
  [1, 1, 1, 1],
  [0, 0, 0, 0],
]);
const plain = { width: 80, color: false };

/** Up to three maps of any size, with values of any size. */
const anyMaps = fc
  .record({
    rows: fc.integer({ min: 0, max: 60 }),
    columns: fc.integer({ min: 0, max: 150 }),
    count: fc.integer({ min: 0, max: 3 }),
  })
  .chain(({ rows, columns, count }) => {
    const value = fc.oneof(fc.double({ min: 0, max: 4, noNaN: true }), fc.constantFrom(0, 1, 1e4, 1e300, 5e-324));
    const row = fc.array(value, { minLength: columns, maxLength: columns });
    const map = fc.record({
      title: fc.stringMatching(/^[a-z ]{0,50}$/),
      label: fc.stringMatching(/^[a-z]{0,30} $/),
      values: fc.array(row, { minLength: rows, maxLength: rows }),
    });
    return fc.array(map, { minLength: count, maxLength: count });
  })
  .map((list) =>
    list.map(({ title, label, values }) => ({
      ...createMap(title, values),
      rowLabels: values.map((_, row) => `${label}${row}`),
    })),
  );

/** Luminance as the WCAG defines it. */
function luminance(hex: string): number {
  const [red, green, blue] = [1, 3, 5].map((place) => {
    const share = Number.parseInt(hex.slice(place, place + 2), 16) / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red! + 0.7152 * green! + 0.0722 * blue!;
}

describe('the scale of heat maps', () => {
  it('is the same whatever is drawn, with an even load in the middle and both ends open', () => {
    for (const scale of Object.values(heatScales)) {
      assert.deepEqual(
        [0.001, 1, 1e6, 0].map((value) => levelOf(value, scale)),
        [0, 3, 7, -1],
      );
      assert.equal(describeLevels(scale).length, levelFills.light.length);
    }
    assert.deepEqual(
      [describeLevels(heatScales.gpus)[0], describeLevels(heatScales.gpus)[7]],
      ['under 0.70x', 'over 1.50x'],
    );
  });

  it('goes away from the middle in lightness, and texts on it have a contrast of 4.5 to 1', () => {
    for (const theme of ['light', 'dark'] as const) {
      const fills: readonly string[] = levelFills[theme];
      const far = fills.map((fill) => Math.abs(luminance(fill) - luminance(levelFills[theme][3])));
      for (const side of [far.slice(0, 4).reverse(), far.slice(3)])
        assert.ok(
          side.every((value, place) => place === 0 || value > side[place - 1]!),
          `${theme}: ${side.join(' ')}`,
        );
      for (const fill of [...fills, noneFills[theme]]) {
        const [dark, light] = [luminance(fill), luminance(textOn(fill))].sort((a, b) => a - b);
        assert.ok((light! + 0.05) / (dark! + 0.05) >= 4.5, `${fill} under ${textOn(fill)}`);
      }
    }
  });
});

describe('heat maps as text', () => {
  it('stand side by side on one scale, with the largest of each row and a legend', () => {
    assert.deepEqual(drawHeatMapText([before, after], plain).split('\n'), [
      'before                  after',
      '        GPU 0-3   max           GPU 0-3   max',
      'layer 0 ▁▁██··██ 2.00   layer 0 ▄▄▄▄▄▄▄▄ 1.00',
      'layer 1 ▄▄▄▄▄▄▄▄ 1.00   layer 1 ········ 0.00',
      '',
      '▁ under 0.70x  ▂ 0.70-0.85x  ▃ 0.85-0.95x  ▄ 0.95-1.05x  ▅ 1.05-1.15x',
      '▆ 1.15-1.30x  ▇ 1.30-1.50x  █ over 1.50x  · none',
      "load over the layer's mean: 1.00x is even; here from 0.50x to 2.00x; max: the",
      "layer's largest",
      '',
    ]);
  });

  it('stand one below the other where the line is short', () => {
    const lines = drawHeatMapText([before, after], { ...plain, width: 40 }).split('\n');
    assert.deepEqual(lines.slice(0, 8), [
      'before',
      '        GPU 0-3   max',
      'layer 0 ▁▁██··██ 2.00',
      'layer 1 ▄▄▄▄▄▄▄▄ 1.00',
      '',
      'after',
      '        GPU 0-3   max',
      'layer 0 ▄▄▄▄▄▄▄▄ 1.00',
    ]);
  });

  it('show the largest of several GPUs and of several layers where there are many, and say so', () => {
    const values = Array.from({ length: 50 }, (_, row) =>
      Array.from({ length: 200 }, (_, column) => (row === 49 && column === 199 ? 9 : 1)),
    );
    const text = drawHeatMapText([createMap('before', values, 3)], plain);
    assert.match(text, /^each column is the largest of 4 GPUs$/m);
    assert.match(text, /^each row is the largest of 3 layers$/m);
    assert.match(text, /^layer 3-5 {3}▄{50} 1\.00$/m);
    assert.match(text, /^layer 51-52 ▄{49}█ 9\.00$/m);
    assert.match(text, /GPU 0-199/);
  });

  it('do not make peaks of rounding errors', () => {
    const text = drawHeatMapText([createMap('after', [[1, 1 + 1e-12, 1 - 1e-12, 1]])], plain);
    assert.match(text, /^layer 0 ▄{8} 1\.00$/m);
    assert.match(text, /from 1\.00x to 1\.00x/);
  });

  it('take colour as escape codes and nothing else', () => {
    const text = drawHeatMapText([before, after], { ...plain, color: true });
    assert.ok(text.includes('\u001b['));
    const parts = text.split('\u001b').map((part, index) => (index === 0 ? part : part.replace(/^\[[\d;]*m/, '')));
    assert.equal(parts.join(''), drawHeatMapText([before, after], plain));
  });

  it('never exceed the width, and keep to numbers', () => {
    const check = (list: HeatMap[], width: number) => {
      const lines = drawHeatMapText(list, { width, color: false }).split('\n');
      for (const line of lines) assert.ok(line.length <= width, `${line.length} > ${width}: ${line}`);
      assert.ok(!lines.join().includes('undefined') && !lines.join().includes('NaN'));
    };
    fc.assert(fc.property(anyMaps, fc.integer({ min: 20, max: 200 }), check), { numRuns: 200 });
  });
});

describe('heat maps of ranks over time, as text', () => {
  const columns = Array.from({ length: 8 }, (_, column) => column === 4);
  const map: TextHeatMap = {
    title: 'load of each rank',
    values: [
      [1.5, 1.5, 1.5, 1.5, 1.1, 1.1, 1.1, 1.1],
      [0.5, 0.5, 0.5, 0.5, 0.9, 0.9, 0.9, 0.9],
    ],
    rowLabels: ['rank 0', 'rank 1'],
    columnName: 'span',
    axis: 'steps 1-80',
    words: { rowName: 'rank', mean: 'the mean of the ranks that share experts' },
    marks: { label: 'moved', columns, meaning: 'replicas moved' },
  };

  it('have words of their own, and marks below their columns', () => {
    assert.deepEqual(drawHeatMapText([map], { ...plain, width: 60 }).split('\n'), [
      'load of each rank',
      '       steps 1-80        max',
      'rank 0 ████████▅▅▅▅▅▅▅▅ 1.50',
      'rank 1 ▁▁▁▁▁▁▁▁▃▃▃▃▃▃▃▃ 0.90',
      'moved          ^',
      '',
      '▁ under 0.70x  ▂ 0.70-0.85x  ▃ 0.85-0.95x  ▄ 0.95-1.05x',
      '▅ 1.05-1.15x  ▆ 1.15-1.30x  ▇ 1.30-1.50x  █ over 1.50x',
      '· none',
      'load over the mean of the ranks that share experts: 1.00x is',
      "even; here from 0.50x to 1.50x; max: the rank's largest",
      '^ replicas moved',
      '',
    ]);
  });

  it('keep their marks where columns are merged, and show none where there are none', () => {
    const twice = <Value>(list: readonly Value[]) => [...list, ...list];
    const wide = { ...map, values: map.values.map(twice), marks: { ...map.marks!, columns: twice(columns) } };
    const merged = drawHeatMapText([wide], { ...plain, width: 20 });
    assert.match(merged, /^rank 0 ██▅▅██▅▅ 1.50$/m);
    assert.match(merged, /^moved {4}\^ {3}\^$/m);
    assert.match(merged, /largest of 2 spans/);
    const marks = { label: 'moved', columns: columns.map(() => false), meaning: 'replicas moved' };
    assert.doesNotMatch(drawHeatMapText([{ ...map, marks }], plain), /moved|\^/);
  });
});

describe('heat maps as a picture', () => {
  it('have a cell with a tooltip for every GPU of every layer, in the level of the shared scale', () => {
    const svg = drawHeatMapSvg([before, after], 'load');
    const cells = [...svg.matchAll(/<rect class="(\w+)"[^>]*><title>([^<]*)<\/title>/g)].map(
      ([, kind, tip]) => `${kind} ${tip}`,
    );
    assert.equal(cells.length, 16);
    assert.deepEqual(cells.slice(0, 5), [
      'l0 layer 0, GPU 0: 0.50',
      'l7 layer 0, GPU 1: 1.50',
      'none layer 0, GPU 2: 0.00',
      'l7 layer 0, GPU 3: 2.00',
      'l3 layer 1, GPU 0: 1.00',
    ]);
    assert.equal(cells[8], 'l3 layer 0, GPU 0: 1.00');
    assert.match(svg, /from 0\.50x to 2\.00x/);
  });

  it('are well-formed, whatever the texts', () => {
    const text = fc.string({ unit: 'binary' });
    fc.assert(
      fc.property(text, text, text, (title, label, columnName) => {
        const svg = drawHeatMapSvg([{ ...before, title, rowLabels: [label, '<&>"'], columnName }], title);
        assertWellFormed(svg);
      }),
    );
  });

  it('leave out numbers that do not fit, but no GPU', () => {
    const values = [Array.from({ length: 64 }, (_, column) => column / 31.5)];
    const svg = drawHeatMapSvg([createMap('before', values)], 'load');
    for (let gpu = 0; gpu < 64; gpu++) assert.ok(svg.includes(`<title>layer 0, GPU ${gpu}: `));
    assert.doesNotMatch(svg, /class="n d"/);
    assert.match(svg, />2\.00<\/text>/);
  });

  it('have all their parts on the page', () => {
    for (const columns of [1, 8, 40, 300]) {
      const values = Array.from({ length: 3 }, () => Array<number>(columns).fill(1));
      const svg = drawHeatMapSvg([createMap('before', values), createMap('after', values)], 'load');
      const [, width, height] = /<svg[^>]* width="([\d.]+)" height="([\d.]+)"/.exec(svg)!.map(Number);
      for (const [, x, y] of svg.matchAll(/<(?:text|rect)[^>]* x="([\d.]+)" y="([\d.]+)"/g)) {
        assert.ok(Number(x) < width! && Number(y) < height!, `${x}, ${y} of ${width} x ${height}`);
      }
    }
  });

  it('are drawn of nothing', () => {
    for (const maps of [[], [createMap('none', [])], [createMap('none', [[]])]])
      assertWellFormed(drawHeatMapSvg(maps, 'x'));
    assert.equal(drawHeatMapText([], plain), '');
  });
});

describe('heat maps are refused', () => {
  const wrong: readonly [name: string, map: HeatMap, message: RegExp][] = [
    ['with a value that is not finite', createMap('after', [[1], [Number.NaN]]), /GPU 0 is NaN \(after, layer 1\)/],
    ['with a negative value', createMap('after', [[1, -1]]), /GPU 1 is -1 \(after, layer 0\)/],
    ['with rows of different lengths', createMap('after', [[1, 1], [1]]), /1 values for 2 columns \(after, layer 1\)/],
    ['without labels', { ...after, rowLabels: [] }, /0 labels for 2 rows \(after\)/],
  ];
  for (const [name, map, message] of wrong) {
    it(name, () => {
      const check = (error: unknown) => error instanceof InputError && message.test(error.message);
      assert.throws(() => drawHeatMapText([before, map], plain), check);
      assert.throws(() => drawHeatMapSvg([before, map], 'load'), check);
    });
  }

  it('that no browser would show', () => {
    const row = Array<number>(1000).fill(1);
    assert.throws(
      () => drawHeatMapSvg([createMap('x', Array<number[]>(201).fill(row))], 'load'),
      /201000 values are too many/,
    );
  });
});

/** Throws unless tags are balanced, and texts and attributes have no sign that XML forbids there. */
function assertWellFormed(svg: string): void {
  const open: string[] = [];
  const rest = svg.replace(
    /<(\/?)([a-z]+)((?: [\w:-]+="[^"<&]*")*)(\/?)>/gi,
    (_, closing: string, name: string, __, empty: string) => {
      if (closing !== '') assert.equal(open.pop(), name);
      else if (empty === '') open.push(name);
      return '';
    },
  );
  assert.deepEqual(open, []);
  assert.doesNotMatch(rest.replace(/&#\d+;/g, ''), /[<>&]/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML forbids
  assert.doesNotMatch(rest, /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/);
  assert.doesNotMatch(rest, /\p{Surrogate}/u);
}
