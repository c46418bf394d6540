import type { MeasureTable } from '../balance/index.js';
import { drawHeatMapText, type HeatMap } from '../draw/index.js';
import { hasColor, outputWidth } from './output.js';
import { formatTable } from './table.js';

/** The maps for a terminal, and for a file or pipe no wider than a page. */
export function drawHeatMaps(maps: readonly HeatMap[]): string {
  return drawHeatMapText(maps, { width: Math.min(outputWidth(), WIDEST_PICTURE), color: hasColor() });
}

const WIDEST_PICTURE = 160;

/** The measures as lines of a table. */
export function formatMeasures({ columns, rows }: MeasureTable): string {
  return formatTable([['', ...columns], ...rows.map(({ name, values }) => [name, ...values])]);
}
