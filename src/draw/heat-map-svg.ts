import { InputError } from '../base/index.js';
import {
  checkHeatMaps,
  describeLevels,
  describeRange,
  formatMultiple,
  type HeatMap,
  heatScales,
  largestOf,
  levelFills,
  levelOf,
  textOn,
} from './heat-scale.js';
import { escapeXml, px } from './xml.js';

/** The most values that are drawn: what a browser still shows. */
const mostCells = 200_000;
const scale = heatScales.gpus;
const fills = levelFills.light;

const size = {
  margin: 16,
  titleHeight: 34,
  mapTitle: 16,
  axis: 16,
  rowHeight: 18,
  digit: 6.2,
  font: 10,
  wideCell: 30,
  narrowCell: 13,
  /** With more columns than this the cells have no numbers. */
  mostWideColumns: 32,
  gap: 32,
  /** Maps stand side by side up to this width. */
  widest: 1400,
  /** Room for the legend's sentence. */
  narrowest: 480,
} as const;

/** A map and its place on the page. */
interface Chart {
  readonly map: HeatMap;
  readonly columns: number;
  readonly cell: number;
  readonly labelWidth: number;
  readonly width: number;
  readonly height: number;
}

/**
 * Heat maps as one SVG picture for a report: a cell a value, with its number where there is room and always as a tooltip, the largest value of each row at
 * its right, and a legend. All have one scale. Throws `InputError` for values that are no multiples of a mean, and for more than `mostCells` of them.
 */
export function drawHeatMapSvg(maps: readonly HeatMap[], title: string): string {
  checkHeatMaps(maps);
  const cells = maps.reduce((sum, { values }) => sum + values.length * (values[0]?.length ?? 0), 0);
  if (cells > mostCells)
    throw new InputError({
      what: `${cells} values are too many to draw`,
      mend: `draw at most ${mostCells}: fewer layers`,
    });
  const charts = maps.map(createChart);
  const page = placeCharts(charts);
  const pageWidth = Math.max(page.width, size.narrowest, 2 * size.margin + textWidth(title, 13));
  const legend = drawLegend(describeRange(maps), pageWidth, page.height);
  const width = px(pageWidth);
  const height = px(page.height + legend.height);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="${size.font}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<style>${fills.map((fill, level) => `.l${level}{fill:${fill}}`).join('')}.none{fill:#fff}rect[class]{stroke:#8a8f98;stroke-width:.5}text{fill:#111}.n{text-anchor:middle;pointer-events:none}.d{fill:#fff}.e{text-anchor:end}</style>`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    `<text x="${size.margin}" y="22" font-size="13" font-weight="bold">${escapeXml(title)}</text>`,
    ...charts.map((chart, index) => drawChart(chart, page.corners[index]!)),
    legend.text,
    '</svg>\n',
  ].join('\n');
}

function createChart(map: HeatMap): Chart {
  const columns = map.values[0]?.length ?? 0;
  const cell = columns > size.mostWideColumns ? size.narrowCell : size.wideCell;
  const labelWidth = largestOf(map.rowLabels.map((label) => textWidth(label))) + 6;
  const body = labelWidth + columns * cell + textWidth('1.0e+308') + 6;
  return {
    map,
    columns,
    cell,
    labelWidth,
    width: Math.max(body, textWidth(map.title, 11)),
    height: size.mapTitle + size.axis + map.values.length * size.rowHeight,
  };
}

type Corner = readonly [x: number, y: number];

/** Side by side if that is not too wide, else one below the other. */
function placeCharts(charts: readonly Chart[]): { corners: Corner[]; width: number; height: number } {
  const total = charts.reduce((sum, { width }) => sum + width + size.gap, 0);
  const isSideBySide = total <= size.widest;
  const corners: Corner[] = [];
  let [x, y] = [size.margin as number, size.titleHeight as number];
  for (const { width, height } of charts) {
    corners.push([x, y]);
    if (isSideBySide) x += width + size.gap;
    else y += height + size.gap;
  }
  const widest = largestOf(charts.map(({ width }) => width));
  const tallest = largestOf(charts.map(({ height }) => height));
  return {
    corners,
    width: 2 * size.margin + (isSideBySide ? Math.max(0, total - size.gap) : widest),
    height: isSideBySide ? size.titleHeight + tallest + size.gap / 2 : y - size.gap / 2,
  };
}

function drawChart(chart: Chart, [left, top]: Corner): string {
  const { map, columns, cell, labelWidth } = chart;
  const cellsLeft = left + labelWidth;
  const axisY = top + size.mapTitle + size.axis - 5;
  const step = Math.ceil(textWidth(String(columns)) / cell);
  const ticks = Array.from({ length: Math.ceil(columns / step) }, (_, tick) => {
    const x = cellsLeft + (tick * step + 0.5) * cell;
    return `<text class="n" x="${px(x)}" y="${px(axisY)}">${tick * step}</text>`;
  });
  const rows = map.values.map((values, row) => {
    const y = top + size.mapTitle + size.axis + row * size.rowHeight;
    const label = escapeXml(map.rowLabels[row]!);
    const max = formatMultiple(largestOf(values));
    return [
      `<text class="e" x="${px(cellsLeft - 6)}" y="${px(y + 12.5)}">${label}</text>`,
      ...values.map((value, column) => drawCell(chart, { value, row, column, x: cellsLeft + column * cell, y })),
      `<text x="${px(cellsLeft + columns * cell + 6)}" y="${px(y + 12.5)}" font-weight="bold">${max}</text>`,
    ].join('');
  });
  return [
    `<text x="${px(left)}" y="${px(top + 10)}" font-size="11" font-weight="bold">${escapeXml(map.title)}</text>`,
    `<text class="e" x="${px(cellsLeft - 6)}" y="${px(axisY)}">${escapeXml(map.columnName)}</text>`,
    ...ticks,
    `<text x="${px(cellsLeft + columns * cell + 6)}" y="${px(axisY)}">max</text>`,
    ...rows,
  ].join('\n');
}

interface Cell {
  readonly value: number;
  readonly row: number;
  readonly column: number;
  readonly x: number;
  readonly y: number;
}

function drawCell({ map, cell }: Chart, { value, row, column, x, y }: Cell): string {
  const level = levelOf(value, scale);
  const number = formatMultiple(value);
  const tip = escapeXml(`${map.rowLabels[row]}, ${map.columnName} ${column}: ${number}`);
  const kind = level < 0 ? 'none' : `l${level}`;
  const box = `<rect class="${kind}" x="${px(x)}" y="${px(y)}" width="${cell}" height="${size.rowHeight}"><title>${tip}</title></rect>`;
  const shown = level < 0 ? '·' : number;
  if (textWidth(shown) > cell) return box;
  const textClass = level >= 0 && textOn(fills[level]!) === '#ffffff' ? 'n d' : 'n';
  return `${box}<text class="${textClass}" x="${px(x + cell / 2)}" y="${px(y + 12.5)}">${shown}</text>`;
}

/** Swatches in rows that fit the picture's width, and what the numbers are. */
function drawLegend(range: string, pageWidth: number, top: number): { text: string; height: number } {
  const entries = [
    ...describeLevels(scale).map((words, level) => ({ kind: `l${level}`, words })),
    { kind: 'none', words: 'none' },
  ];
  let [x, y] = [size.margin as number, top + 4];
  const parts: string[] = [];
  for (const { kind, words } of entries) {
    const width = 22 + textWidth(words) + 12;
    if (x + width > pageWidth && x > size.margin) [x, y] = [size.margin, y + 20];
    parts.push(`<rect class="${kind}" x="${px(x)}" y="${px(y)}" width="16" height="12"/>`);
    parts.push(`<text x="${px(x + 22)}" y="${px(y + 10)}">${words}</text>`);
    x += width;
  }
  y += 20;
  parts.push(
    `<text x="${size.margin}" y="${px(y + 10)}">load over the layer's mean: 1.00x is even; here ${range}; max: the layer's largest</text>`,
  );
  return { text: parts.join('\n'), height: y + 24 - top };
}

function textWidth(text: string, font: number = size.font): number {
  return text.length * size.digit * (font / size.font) + 3;
}
