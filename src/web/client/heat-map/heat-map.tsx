import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { niceStep } from '../../../draw/index.js';
import { type HeatGrid, type HeatRange, listShades, paintHeatRow, scaleStops } from '../../view/index.js';
import { ChartDetails, useTheme, useWidth } from '../ui/index.js';

/** Something that happened at a column, shown above it. */
interface HeatMark {
  readonly column: number;
  /** `12 replicas moved`. */
  readonly words: string;
}

export interface HeatMapProps {
  /** What the picture is of, for who cannot see it. */
  readonly label: string;
  readonly grid: HeatGrid;
  readonly range: HeatRange;
  /** `expert 3`, `rank 0`. */
  readonly nameRow: (row: number) => string;
  /** `step 17`, `GPU 4`. */
  readonly nameColumn: (column: number) => string;
  /** A value in words: `1.31 of the mean`. */
  readonly describe: (value: number) => string;
  /** Default: none, and no room for any. */
  readonly marks?: readonly HeatMark[];
  /** What the columns are, which are then numbered under the picture: `GPU`. */
  readonly axis?: string;
  /** Pixels that all rows have together, at most. Default: 260. */
  readonly room?: number;
}

interface Cell {
  readonly row: number;
  readonly column: number;
}

const left = 76;
const markHeight = 12;
const nameHeight = 14;
const axisHeight = 18;
/** Pixels from one number of the axis to the next, at least. */
const tickSpace = 32;

/** A grid of numbers in colours, with what a cell is on hovering or with the arrow keys. */
export function HeatMap(props: HeatMapProps) {
  const { label, grid, marks, room = 260 } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const width = useWidth(box);
  const { shown: theme } = useTheme();
  const [cell, setCell] = useState<Cell>();
  const rowHeight = Math.max(1, Math.min(24, Math.floor(room / Math.max(1, grid.rows))));
  // The name of a thin first row reaches above it.
  const bare = rowHeight < nameHeight ? nameHeight / 2 : 0;
  const top = marks === undefined ? bare : markHeight;
  const height = rowHeight * grid.rows + top + (props.axis === undefined ? 0 : axisHeight);
  // A map that grows while a run goes on keeps the choice.
  const isGone = cell !== undefined && (cell.row >= grid.rows || cell.column >= grid.columns);
  useEffect(() => {
    if (isGone) setCell(undefined);
  }, [isGone]);
  const picture = { ...props, marks: marks ?? [], width, height, rowHeight, top, theme, cell };
  useLayoutEffect(() => {
    if (canvas.current !== null && width > left) drawHeatMap(canvas.current, picture);
  }, [grid, props.range, marks, props.axis, width, height, theme, cell]);
  const findCell = ({ offsetX, offsetY }: PointerEvent): Cell | undefined => {
    const row = Math.floor((offsetY - top) / rowHeight);
    const column = Math.floor(((offsetX - left) / (width - left)) * grid.columns);
    return row < 0 || row >= grid.rows || column < 0 || column >= grid.columns ? undefined : { row, column };
  };
  return (
    <figure class="chart">
      <div
        class="heat-map"
        role="application"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: its cells are reached by the arrow keys
        tabIndex={0}
        aria-label={`${label}. Arrow keys choose cells.`}
        onKeyDown={(event) => {
          const next = moveCell(event.key, cell, grid);
          if (next === undefined) return;
          event.preventDefault();
          setCell(next);
        }}
      >
        <canvas
          ref={canvas}
          style={{ height: `${height}px` }}
          onPointerMove={(event) => setCell(findCell(event))}
          onPointerLeave={() => setCell(undefined)}
        />
      </div>
      <ChartDetails hint="Hover or use the arrow keys to see what a cell is.">{describeCell(props, cell)}</ChartDetails>
      <Scale {...props} theme={theme} />
    </figure>
  );
}

function describeCell({ grid, nameRow, nameColumn, describe, marks = [] }: HeatMapProps, cell: Cell | undefined) {
  if (cell === undefined) return undefined;
  const value = grid.values[cell.row * grid.columns + cell.column] ?? Number.NaN;
  const words = marks.filter(({ column }) => column === cell.column).map((mark) => `; ${mark.words}`);
  const known = Number.isNaN(value) ? 'not known' : describe(value);
  return `${nameRow(cell.row)}, ${nameColumn(cell.column)}: ${known}${words.join('')}`;
}

function moveCell(key: string, cell: Cell | undefined, { rows, columns }: HeatGrid): Cell | undefined {
  const move = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[key];
  if (move === undefined || rows === 0 || columns === 0) return undefined;
  if (cell === undefined) return { row: 0, column: 0 };
  const within = (value: number, count: number) => Math.min(count - 1, Math.max(0, value));
  return { row: within(cell.row + move[0]!, rows), column: within(cell.column + move[1]!, columns) };
}

interface Picture extends Omit<HeatMapProps, 'marks'> {
  readonly marks: readonly HeatMark[];
  readonly width: number;
  readonly height: number;
  readonly rowHeight: number;
  readonly top: number;
  readonly theme: 'light' | 'dark';
  readonly cell: Cell | undefined;
}

function drawHeatMap(canvas: HTMLCanvasElement, picture: Picture): void {
  const context = canvas.getContext('2d');
  if (context === null || picture.grid.rows === 0) return;
  const { grid, range, width, height, rowHeight, top, theme } = picture;
  const ratio = devicePixelRatio;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  const pixels = Math.max(1, Math.round((width - left) * ratio));
  const image = new ImageData(pixels, grid.rows);
  const colours = listShades(theme);
  for (let row = 0; row < grid.rows; row++)
    paintHeatRow(grid, row, image.data.subarray(4 * pixels * row, 4 * pixels * (row + 1)), { ...range, colours });
  const strip = new OffscreenCanvas(pixels, grid.rows);
  strip.getContext('2d')?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(strip, left, top, width - left, rowHeight * grid.rows);
  drawNames(context, picture);
  drawAxis(context, picture);
  drawMarks(context, picture);
}

function drawNames(context: CanvasRenderingContext2D, { grid, nameRow, rowHeight, top, theme }: Picture): void {
  context.fillStyle = theme === 'light' ? '#171a1f' : '#eceff3';
  context.font = '12px system-ui, sans-serif';
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  const every = Math.max(1, Math.ceil(nameHeight / rowHeight));
  for (let row = 0; row < grid.rows; row += every)
    context.fillText(nameRow(row), left - 6, top + (row + 0.5) * rowHeight, left - 8);
}

/** The numbers of columns under them, as many as there is room for; in the colour that `drawNames` left. */
function drawAxis(context: CanvasRenderingContext2D, { axis, grid, width, height }: Picture): void {
  if (axis === undefined) return;
  const y = height - axisHeight / 2 + 1;
  const columnWidth = (width - left) / Math.max(1, grid.columns);
  context.fillText(axis, left - 6, y, left - 8);
  context.textAlign = 'center';
  const every = Math.max(1, niceStep(tickSpace / columnWidth));
  for (let column = 0; column < grid.columns; column += every)
    context.fillText(String(column), left + (column + 0.5) * columnWidth, y);
}

/** Triangles above the columns, and a frame around the cell that is chosen. */
function drawMarks(
  context: CanvasRenderingContext2D,
  { grid, marks, width, rowHeight, top, theme, cell }: Picture,
): void {
  const columnWidth = (width - left) / Math.max(1, grid.columns);
  context.fillStyle = theme === 'light' ? '#0b5cad' : '#7cc0ff';
  for (const { column } of marks) {
    const x = left + (column + 0.5) * columnWidth;
    context.beginPath();
    context.moveTo(x - 5, 1);
    context.lineTo(x + 5, 1);
    context.lineTo(x, markHeight - 2);
    context.fill();
  }
  if (cell === undefined) return;
  context.strokeStyle = theme === 'light' ? '#0b5cad' : '#7cc0ff';
  context.lineWidth = 2;
  context.strokeRect(left + cell.column * columnWidth, top + cell.row * rowHeight, Math.max(3, columnWidth), rowHeight);
}

function Scale({ range, describe, marks, theme }: HeatMapProps & { readonly theme: 'light' | 'dark' }) {
  return (
    <div class="heat-scale">
      <span>{describe(range.low)}</span>
      <span class="heat-ramp" style={{ background: `linear-gradient(to right, ${scaleStops(theme).join(', ')})` }} />
      <span>{describe(range.high)}</span>
      {marks === undefined || marks.length === 0 ? null : <span>▼ experts moved</span>}
    </div>
  );
}
