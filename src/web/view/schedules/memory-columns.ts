import type { MemoryCurve } from '../../../simulate/index.js';
import type { TimeWindow } from '../timeline/paint-track.js';

/** `[columns]`: the most that a curve holds in each of so many equal parts of a window; NaN from `end` on. */
export function peakColumns(
  { time, amount }: MemoryCurve,
  { from, to }: TimeWindow,
  { columns, end }: { readonly columns: number; readonly end: number },
): Float64Array {
  const peaks = new Float64Array(columns);
  let place = 0;
  for (let column = 0; column < columns; column++) {
    const start = from + (column * (to - from)) / columns;
    const stop = from + ((column + 1) * (to - from)) / columns;
    while (place + 1 < time.length && time[place + 1]! <= start) place++;
    let peak = amount[place] ?? 0;
    while (place + 1 < time.length && time[place + 1]! < stop) {
      place++;
      peak = Math.max(peak, amount[place]!);
    }
    peaks[column] = start >= end ? Number.NaN : peak;
  }
  return peaks;
}

/** The area under columns as an SVG path: a column is one wide, `most` is `height` high. */
export function areaPath(
  peaks: Float64Array,
  { most, height }: { readonly most: number; readonly height: number },
): string {
  const stop = peaks.findIndex((peak) => Number.isNaN(peak));
  const count = stop < 0 ? peaks.length : stop;
  const y = (peak: number) => Number((height * (1 - (most > 0 ? peak / most : 0))).toFixed(2));
  let path = `M0 ${height}`;
  for (let column = 0; column < count; column++) {
    if (column > 0 && peaks[column] === peaks[column - 1]) continue;
    path += `H${column}V${y(peaks[column]!)}`;
  }
  return `${path}H${count}V${height}Z`;
}
