/**
 * A line of values as text, `height` rows and at most `width` columns; each column shows the mean of its values. The left margin has the scale.
 * Values that are not finite are left out.
 */
export function drawCurve(
  values: readonly number[],
  { width, height }: { readonly width: number; readonly height: number },
): string {
  const columns = averageColumns(
    values.filter((value) => Number.isFinite(value)),
    Math.max(1, width - MARGIN - 1),
  );
  if (columns.length === 0) return '';
  const [low, high] = [Math.min(...columns), Math.max(...columns)];
  const span = high - low || 1;
  const level = (value: number) => ((value - low) / span) * (height * BLOCKS.length - 1);
  const rows = Array.from({ length: height }, (_, index) => height - 1 - index);
  const lines = rows.map((row) => {
    // A line without rise has one number.
    const scale = row === 0 ? low : row === height - 1 && high > low ? high : undefined;
    const margin = (scale?.toFixed(3) ?? '').padStart(MARGIN);
    return `${margin} ${columns.map((value) => cell(level(value) - row * BLOCKS.length)).join('')}`.trimEnd();
  });
  return `${lines.join('\n')}\n`;
}

const MARGIN = 8;
const BLOCKS = '▁▂▃▄▅▆▇█';

function cell(level: number): string {
  if (level < 0) return ' ';
  return BLOCKS[Math.min(BLOCKS.length - 1, Math.floor(level))];
}

function averageColumns(values: readonly number[], width: number): number[] {
  const columns = Math.min(width, values.length);
  return Array.from({ length: columns }, (_, column) => {
    const part = values.slice(
      Math.floor((column * values.length) / columns),
      Math.floor(((column + 1) * values.length) / columns),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
}
