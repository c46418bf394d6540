import { niceStep } from './nice-step.js';
import { escapeXml, px } from './xml.js';

/** A value at a place, with the range that it was measured in. */
export interface ChartPoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface ChartSeries {
  readonly name: string;
  readonly color: string;
  /** Thin, dashed and without marks: what the others are held against. */
  readonly isThin?: boolean;
  /** From left to right; every x above 0. */
  readonly points: readonly ChartPoint[];
}

export interface LineChart {
  readonly title: string;
  /** With the unit. */
  readonly xLabel: string;
  readonly yLabel: string;
  readonly series: readonly ChartSeries[];
}

const layout = { width: 720, height: 400, left: 64, right: 20, top: 40, bottom: 48, legendRow: 18, ticks: 6 } as const;

/** From the units of the axes to pixels. */
interface Frame {
  readonly place: { readonly x: (value: number) => number; readonly y: (value: number) => number };
  readonly yStep: number;
  readonly yEnd: number;
}

/**
 * Lines over a logarithmic x axis, marked at each x that a line has a point at, and a y axis from 0; a bar at a point shows its range, and a legend names the lines.
 * There must be two different x at least.
 */
export function drawLineChartSvg({ title, xLabel, yLabel, series }: LineChart): string {
  const frame = createFrame(series);
  const { width, height, left, top } = layout;
  const whole = height + layout.legendRow * series.length;
  const middle = (top + height - layout.bottom) / 2;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${whole}" viewBox="0 0 ${width} ${whole}" font-family="sans-serif" font-size="11" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    '<style>text{fill:#111}.grid{stroke:#e1e4e8;fill:none}.line{fill:none;stroke-width:2.5;stroke-linejoin:round}.thin{stroke-width:1.2;stroke-dasharray:5 4}</style>',
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="${left}" y="22" font-size="14" font-weight="bold">${escapeXml(title)}</text>`,
    drawXAxis(frame, series),
    drawYAxis(frame),
    `<text x="${(left + width - layout.right) / 2}" y="${height - 10}" text-anchor="middle">${escapeXml(xLabel)}</text>`,
    `<text transform="translate(16 ${middle}) rotate(-90)" text-anchor="middle">${escapeXml(yLabel)}</text>`,
    ...series.map((one) => drawSeries(frame, one)),
    ...series.map(drawLegendRow),
    '</svg>\n',
  ].join('\n');
}

function createFrame(series: readonly ChartSeries[]): Frame {
  const points = series.flatMap((one) => one.points);
  const logs = points.map(({ x }) => Math.log(x));
  const [first, last] = [Math.min(...logs), Math.max(...logs)];
  const highest = Math.max(...points.map(({ y, high }) => high ?? y));
  const yStep = niceStep(highest / layout.ticks);
  const yEnd = yStep * Math.ceil(highest / yStep);
  const inner = {
    width: layout.width - layout.left - layout.right,
    height: layout.height - layout.top - layout.bottom,
  };
  return {
    yStep,
    yEnd,
    place: {
      x: (value) => layout.left + (inner.width * (Math.log(value) - first)) / (last - first),
      y: (value) => layout.top + inner.height * (1 - value / yEnd),
    },
  };
}

function drawXAxis({ place }: Frame, series: readonly ChartSeries[]): string {
  const values = [...new Set(series.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const bottom = layout.height - layout.bottom;
  return values
    .map((value) => {
      const x = px(place.x(value));
      return `<path class="grid" d="M${x} ${layout.top}V${bottom}"/><text x="${x}" y="${bottom + 16}" text-anchor="middle">${value}</text>`;
    })
    .join('\n');
}

function drawYAxis({ place, yStep, yEnd }: Frame): string {
  const count = Math.round(yEnd / yStep);
  return Array.from({ length: count + 1 }, (_, index) => {
    const value = Number((index * yStep).toPrecision(6));
    const y = px(place.y(value));
    return `<path class="grid" d="M${layout.left} ${y}H${layout.width - layout.right}"/><text x="${layout.left - 8}" y="${px(place.y(value) + 4)}" text-anchor="end">${value}</text>`;
  }).join('\n');
}

function drawSeries({ place }: Frame, { name, color, isThin = false, points }: ChartSeries): string {
  const corners = points.map(({ x, y }) => `${px(place.x(x))} ${px(place.y(y))}`);
  const line = `<path class="line${isThin ? ' thin' : ''}" stroke="${escapeXml(color)}" d="M${corners.join('L')}"><title>${escapeXml(name)}</title></path>`;
  if (isThin) return line;
  const marks = points.map(({ x, y, low = y, high = y }) => {
    const at = px(place.x(x));
    return `<path stroke="${escapeXml(color)}" d="M${at} ${px(place.y(low))}V${px(place.y(high))}"/><circle cx="${at}" cy="${px(place.y(y))}" r="3.5" fill="${escapeXml(color)}"/>`;
  });
  return [line, ...marks].join('\n');
}

function drawLegendRow({ name, color, isThin = false }: ChartSeries, index: number): string {
  const y = layout.height + layout.legendRow * index;
  const line = `<path class="line${isThin ? ' thin' : ''}" stroke="${escapeXml(color)}" d="M${layout.left} ${y}h28"/>`;
  return `${line}<text x="${layout.left + 36}" y="${y + 4}">${escapeXml(name)}</text>`;
}
