import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { HeatScale } from '../../../draw/index.js';
import type { HeatGrid } from '../../view/index.js';
import { ChartDetails, useTheme, useWidth } from '../ui/index.js';
import { axisHeight, type Cell, drawHeatMap, type HeatMark, left, markHeight, nameHeight } from './draw-heat-map.js';
import { HeatLegend } from './heat-legend.js';

export interface HeatMapProps {
  /** What the picture is of, for who cannot see it. */
  readonly label: string;
  readonly grid: HeatGrid;
  /** Which colours mean what. */
  readonly scale: HeatScale;
  /** `expert 3`, `rank 0`. */
  readonly nameRow: (row: number) => string;
  /** `step 17`, `GPU 4`. */
  readonly nameColumn: (column: number) => string;
  /** A value in words: `1.31x the mean`. */
  readonly describe: (value: number) => string;
  /** Default: none, and no room for any. */
  readonly marks?: readonly HeatMark[];
  /** What the columns are, which are then numbered under the picture: `GPU`. */
  readonly axis?: string;
  /** Pixels that all rows have together, at most. Default: 260. */
  readonly room?: number;
}

const hint = matchMedia('(hover: none)').matches
  ? 'Tap a cell to see what it is.'
  : 'Hover or use the arrow keys to see what a cell is.';

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
  }, [grid, props.scale, marks, props.axis, width, height, theme, cell]);
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
          onPointerDown={(event) => setCell(findCell(event))}
          onPointerMove={(event) => setCell(findCell(event))}
          // A finger that is lifted has left too: what it touched stays.
          onPointerLeave={({ pointerType }) => pointerType === 'mouse' && setCell(undefined)}
        />
      </div>
      <ChartDetails hint={hint}>{describeCell(props, cell)}</ChartDetails>
      <HeatLegend {...props} theme={theme} pixels={(width - left) * devicePixelRatio} />
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
