import { formatMultiple, type HeatScale, niceStep, textOn } from '../../../draw/index.js';
import { colourPlace, type HeatGrid, heatColours, paintHeatRow } from '../../view/index.js';

/** Something that happened at a column, shown above it. */
export interface HeatMark {
  readonly column: number;
  /** `12 replicas moved`. */
  readonly words: string;
}

/** A cell that is chosen. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** Pixels left of the cells, above them where there are marks, of a name, and under them where there is an axis. */
export const [left, markHeight, nameHeight, axisHeight] = [76, 12, 14, 18];
/** Pixels from one number of the axis to the next, at least. */
const tickSpace = 32;
/** Cells of at least so many pixels have borders, and numbers. */
const borderedFrom = 6;
const numberedFrom = { width: 28, height: 15 };

const inks = {
  light: { text: '#171a1f', line: '#aab1bc', mark: '#0b5cad' },
  dark: { text: '#eceff3', line: '#565f6c', mark: '#7cc0ff' },
} as const;

/** What a frame shows, in CSS pixels. */
export interface HeatPicture {
  readonly grid: HeatGrid;
  readonly scale: HeatScale;
  readonly nameRow: (row: number) => string;
  readonly axis?: string;
  readonly marks: readonly HeatMark[];
  readonly width: number;
  readonly height: number;
  readonly rowHeight: number;
  readonly top: number;
  readonly theme: 'light' | 'dark';
  readonly cell: Cell | undefined;
}

/** Draws all of a heat map. */
export function drawHeatMap(canvas: HTMLCanvasElement, picture: HeatPicture): void {
  const context = canvas.getContext('2d');
  if (context === null || picture.grid.rows === 0) return;
  const { width, height } = picture;
  const ratio = devicePixelRatio;
  [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  drawCells(context, picture, Math.max(1, Math.round((width - left) * ratio)));
  drawBorders(context, picture);
  drawNumbers(context, picture);
  drawNames(context, picture);
  drawAxis(context, picture);
  drawMarks(context, picture);
}

function drawCells(context: CanvasRenderingContext2D, picture: HeatPicture, pixels: number): void {
  const { grid, scale, width, rowHeight, top, theme } = picture;
  const image = new ImageData(pixels, grid.rows);
  const colours = heatColours(theme).map(({ rgb }) => rgb);
  for (let row = 0; row < grid.rows; row++)
    paintHeatRow(grid, row, image.data.subarray(4 * pixels * row, 4 * pixels * (row + 1)), { scale, colours });
  const strip = new OffscreenCanvas(pixels, grid.rows);
  strip.getContext('2d')?.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(strip, left, top, width - left, rowHeight * grid.rows);
}

function widthOfColumn({ grid, width }: HeatPicture): number {
  return (width - left) / Math.max(1, grid.columns);
}

/** A frame around all, and lines between cells that are large enough. */
function drawBorders(context: CanvasRenderingContext2D, picture: HeatPicture): void {
  const { grid, width, rowHeight, top, theme } = picture;
  const columnWidth = widthOfColumn(picture);
  const bottom = top + rowHeight * grid.rows;
  context.fillStyle = inks[theme].line;
  const horizontal = (y: number) => context.fillRect(left, y, width - left, 1);
  const vertical = (x: number) => context.fillRect(x, top, 1, bottom - top);
  for (const y of [top, bottom - 1]) horizontal(y);
  for (const x of [left, width - 1]) vertical(x);
  if (rowHeight >= borderedFrom) for (let row = 1; row < grid.rows; row++) horizontal(top + row * rowHeight);
  if (columnWidth >= borderedFrom)
    for (let column = 1; column < grid.columns; column++) vertical(Math.round(left + column * columnWidth));
}

/** The values themselves, where each has room. */
function drawNumbers(context: CanvasRenderingContext2D, picture: HeatPicture): void {
  const { grid, scale, rowHeight, top, theme } = picture;
  const columnWidth = widthOfColumn(picture);
  if (columnWidth < numberedFrom.width || rowHeight < numberedFrom.height) return;
  const inkOf = heatColours(theme).map(({ css }) => textOn(css));
  context.font = '11px system-ui, sans-serif';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  for (const [place, value] of grid.values.entries()) {
    if (Number.isNaN(value)) continue;
    const [row, column] = [Math.floor(place / grid.columns), place % grid.columns];
    context.fillStyle = inkOf[colourPlace(value, scale)]!;
    const x = left + (column + 0.5) * columnWidth;
    context.fillText(formatMultiple(value), x, top + (row + 0.5) * rowHeight + 1, columnWidth - 4);
  }
}

function drawNames(context: CanvasRenderingContext2D, { grid, nameRow, rowHeight, top, theme }: HeatPicture): void {
  context.fillStyle = inks[theme].text;
  context.font = '12px system-ui, sans-serif';
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  const every = Math.max(1, Math.ceil(nameHeight / rowHeight));
  for (let row = 0; row < grid.rows; row += every)
    context.fillText(nameRow(row), left - 6, top + (row + 0.5) * rowHeight, left - 8);
}

/** The numbers of columns under them, as many as there is room for; in the colour that `drawNames` left. */
function drawAxis(context: CanvasRenderingContext2D, picture: HeatPicture): void {
  const { axis, grid, height } = picture;
  if (axis === undefined) return;
  const y = height - axisHeight / 2 + 1;
  const columnWidth = widthOfColumn(picture);
  context.fillText(axis, left - 6, y, left - 8);
  context.textAlign = 'center';
  const every = Math.max(1, niceStep(tickSpace / columnWidth));
  for (let column = 0; column < grid.columns; column += every)
    context.fillText(String(column), left + (column + 0.5) * columnWidth, y);
}

/** Triangles above the columns, and a frame around the cell that is chosen. */
function drawMarks(context: CanvasRenderingContext2D, picture: HeatPicture): void {
  const { marks, rowHeight, top, theme, cell } = picture;
  const columnWidth = widthOfColumn(picture);
  context.fillStyle = inks[theme].mark;
  for (const { column } of marks) {
    const x = left + (column + 0.5) * columnWidth;
    context.beginPath();
    context.moveTo(x - 5, 1);
    context.lineTo(x + 5, 1);
    context.lineTo(x, markHeight - 2);
    context.fill();
  }
  if (cell === undefined) return;
  context.strokeStyle = inks[theme].mark;
  context.lineWidth = 2;
  context.strokeRect(left + cell.column * columnWidth, top + cell.row * rowHeight, Math.max(3, columnWidth), rowHeight);
}
