import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawLineChartSvg, type LineChart } from './line-chart.js';

const chart: LineChart = {
  title: 'Steps & links',
  xLabel: 'rate, Mbit/s',
  yLabel: 'seconds',
  series: [
    {
      name: 'measured',
      color: '#b4451f',
      points: [
        { x: 100, y: 4, low: 3.5, high: 4.5 },
        { x: 200, y: 2 },
        { x: 400, y: 1 },
      ],
    },
    {
      name: 'least',
      color: '#123456',
      isThin: true,
      points: [
        { x: 100, y: 3 },
        { x: 400, y: 1 },
      ],
    },
  ],
};

/** Corners of each line in the plot, those of the legend left out. */
function linesOf(svg: string): number[][][] {
  return [...svg.matchAll(/<path class="line[^"]*"[^>]* d="M([^"h]+)"/g)].map(([, path]) =>
    (path as string).split('L').map((corner) => corner.split(' ').map(Number)),
  );
}

describe('drawLineChartSvg', () => {
  it('places equal factors of x at equal distances, and y in proportion from 0', () => {
    const [measured, least] = linesOf(drawLineChartSvg(chart));
    const [[x0, y0], [x1, y1], [x2, y2]] = measured as unknown as [number, number][];
    assert.ok(Math.abs(x1 - x0 - (x2 - x1)) < 0.05);
    assert.ok(Math.abs(y1 - y0 - 2 * (y2 - y1)) < 0.05, `${y0} ${y1} ${y2}`);
    assert.deepEqual(least?.[1], [x2, y2]);
  });

  it('writes title, axes, a tick at each x and a legend, as XML', () => {
    const svg = drawLineChartSvg(chart);
    for (const text of ['Steps &#38; links', 'rate, Mbit/s', 'seconds', '100', '200', '400', '0', 'measured', 'least'])
      assert.ok(svg.includes(`>${text}</text>`), text);
    assert.equal(svg.match(/<circle /g)?.length, 3);
  });

  it('keeps ranges inside the picture', () => {
    const ranges = [...drawLineChartSvg(chart).matchAll(/stroke="#b4451f" d="M\S+ ([\d.]+)V([\d.]+)"/g)];
    assert.equal(ranges.length, 3);
    const [[, low, high]] = ranges as unknown as [string, string, string][];
    assert.ok(Number(high) < Number(low) && Number(high) >= 40 && Number(low) <= 352);
  });
});
