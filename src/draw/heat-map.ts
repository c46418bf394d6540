import {
  checkHeatMaps,
  describeLevels,
  describeRange,
  formatMultiple,
  type HeatMap,
  heatScales,
  largestOf,
  levelBlocks,
  levelOf,
} from './heat-scale.js';
import type { TextOptions } from './text.js';

const none = '·';
const mark = '^';
const mostRows = 24;
const longestLabel = 16;
/** What the smallest picture needs: a label, one column, a number. */
const narrowestWidth = 20;
const gap = '   ';
/** Colours of the 256 of terminals, from blue over grey to red, none too dark or too light to be seen. */
const levelColors = [32, 74, 110, 245, 179, 214, 208, 196] as const;
const scale = heatScales.gpus;

/** A heat map and what only text shows of it. */
export interface TextHeatMap extends HeatMap {
  /** What a row is, and of what the mean is taken: without it `layer` and `the layer's mean`. */
  readonly words?: { readonly rowName: string; readonly mean: string };
  /** What the columns are; without it their name and numbers. */
  readonly axis?: string;
  /** A last row with a sign below some of the columns, and what the sign means. */
  readonly marks?: { readonly label: string; readonly columns: readonly boolean[]; readonly meaning: string };
}

/** Sizes in columns of text, the same for all maps. */
interface Layout {
  readonly label: number;
  readonly number: number;
  /** Of a value. */
  readonly cell: number;
  /** Columns of a map that are drawn as one. */
  readonly group: number;
  readonly isSideBySide: boolean;
}

/**
 * Heat maps for a terminal, a block a value, with the largest value of each row at its right and a legend. All have one scale. They stand side by side
 * where that fits into `width` (at least 20), else one below the other; more columns than fit and more than 24 rows are merged to their maximum, which the
 * legend says in the first map's words. Throws `InputError` for values that are no multiples of a mean. Ends in a line break.
 */
export function drawHeatMapText(maps: readonly TextHeatMap[], options: TextOptions): string {
  checkHeatMaps(maps);
  if (maps.length === 0) return '';
  const width = Math.max(options.width, narrowestWidth);
  const merged = maps.map(mergeRows);
  const layout = findLayout(merged, width);
  const paint = (text: string, level: number) =>
    options.color && level >= 0 ? `\u001b[38;5;${levelColors[level]}m${text}\u001b[0m` : text;
  const blocks = merged.map((map) => drawBlock(map, layout, width, paint));
  const lines = layout.isSideBySide ? joinSideBySide(blocks) : blocks.flatMap((block) => [...block, '']);
  const rowGroup = Math.max(...maps.map(groupOfRows));
  const legend = drawLegend({ range: describeRange(maps), layout, rowGroup, map: maps[0]!, width, paint });
  return `${[...lines, ...(layout.isSideBySide ? [''] : []), ...legend].map((line) => line.trimEnd()).join('\n')}\n`;
}

type Paint = (text: string, level: number) => string;

function groupOfRows({ values }: HeatMap): number {
  return Math.ceil(values.length / mostRows);
}

function mergeRows(map: TextHeatMap): TextHeatMap {
  const group = groupOfRows(map);
  if (group <= 1) return map;
  const starts = Array.from({ length: Math.ceil(map.values.length / group) }, (_, row) => row * group);
  return {
    ...map,
    values: starts.map((start) => {
      const rows = map.values.slice(start, start + group);
      return rows[0]!.map((_, column) => largestOf(rows.map((row) => row[column]!)));
    }),
    rowLabels: starts.map((start) => mergeLabels(map.rowLabels.slice(start, start + group))),
  };
}

/** `layer 3` to `layer 5` as `layer 3-5`. */
function mergeLabels(labels: readonly string[]): string {
  const [first, last] = [labels[0]!, labels.at(-1)!];
  if (labels.length === 1) return first;
  const words = /^\D*/.exec(first)![0];
  return last.startsWith(words) ? `${first}-${last.slice(words.length)}` : `${first}-${last}`;
}

function findLayout(maps: readonly TextHeatMap[], width: number): Layout {
  const labels = maps.flatMap(({ rowLabels, marks }) => [...rowLabels, marks?.label ?? ''].map(({ length }) => length));
  const label = Math.min(longestLabel, Math.floor(width / 3), largestOf(labels));
  const numbers = maps.flatMap(({ values }) => values.map((row) => formatMultiple(largestOf(row)).length));
  const base = { label, number: Math.max('max'.length, largestOf(numbers)), group: 1 };
  for (const cell of [2, 1]) {
    const layout = { ...base, cell, isSideBySide: maps.length > 1 };
    const total = maps.reduce((sum, map) => sum + blockWidth(map, layout), 0) + gap.length * (maps.length - 1);
    if (total <= width) return layout;
  }
  const room = width - base.label - base.number - 2;
  const columns = largestOf(maps.map(columnsOf));
  const cell = 2 * columns <= room ? 2 : 1;
  return { ...base, cell, group: Math.max(1, Math.ceil(columns / room)), isSideBySide: false };
}

function columnsOf({ values }: HeatMap): number {
  return values[0]?.length ?? 0;
}

/** Width of the cells of a row, and of the axis above them. */
function bodyWidth(map: TextHeatMap, { cell, group }: Layout): number {
  return Math.max(Math.ceil(columnsOf(map) / group) * cell, axisOf(map).length);
}

function blockWidth(map: TextHeatMap, layout: Layout): number {
  return Math.max(map.title.length, layout.label + layout.number + 2 + bodyWidth(map, layout));
}

function axisOf(map: TextHeatMap): string {
  const last = columnsOf(map) - 1;
  if (map.axis !== undefined) return map.axis;
  return last < 1 ? `${map.columnName} 0` : `${map.columnName} 0-${last}`;
}

/** Title, axis and a line a row, all of the same width as seen. */
function drawBlock(map: TextHeatMap, layout: Layout, width: number, paint: Paint): string[] {
  const body = Math.min(bodyWidth(map, layout), width - layout.label - layout.number - 2);
  const full = Math.min(blockWidth(map, layout), width);
  const drawRow = (label: string, cells: string, cellsWidth: number, number: string) => {
    const line = `${clip(label, layout.label).padEnd(layout.label)} ${cells}${' '.repeat(body - cellsWidth)}`;
    return `${line} ${number.padStart(layout.number)}${' '.repeat(full - layout.label - body - layout.number - 2)}`;
  };
  const axis = clip(axisOf(map), body);
  const rows = map.values.map((row, index) => {
    const groups = groupsOf(row, layout.group);
    const cells = groups.map((value) => {
      const level = levelOf(value, scale);
      return paint((level < 0 ? none : levelBlocks[level]!).repeat(layout.cell), level);
    });
    const cellsWidth = groups.length * layout.cell;
    return drawRow(map.rowLabels[index]!, cells.join(''), cellsWidth, formatMultiple(largestOf(row)));
  });
  const marks = drawMarks(map, layout);
  const last = marks === undefined ? [] : [drawRow(marks.label, marks.cells, marks.cells.length, '')];
  return [clip(map.title, full).padEnd(full), drawRow('', axis, axis.length, 'max'), ...rows, ...last];
}

/** The row of signs, one below all columns that are drawn as one; undefined where there is none. */
function drawMarks({ marks }: TextHeatMap, { cell, group }: Layout): { label: string; cells: string } | undefined {
  if (marks?.columns.includes(true) !== true) return undefined;
  const groups = groupsOf(marks.columns.map(Number), group);
  return { label: marks.label, cells: groups.map((value) => (value > 0 ? mark : ' ').padEnd(cell)).join('') };
}

/** The largest value of each `group` columns. */
function groupsOf(row: readonly number[], group: number): number[] {
  return Array.from({ length: Math.ceil(row.length / group) }, (_, index) =>
    largestOf(row.slice(index * group, (index + 1) * group)),
  );
}

function joinSideBySide(blocks: readonly (readonly string[])[]): string[] {
  const height = largestOf(blocks.map(({ length }) => length));
  return Array.from({ length: height }, (_, line) =>
    // A map with fewer rows than its neighbour has blank lines as wide as its title's.
    blocks.map((block) => block[line] ?? ' '.repeat(block[0]!.length)).join(gap),
  );
}

interface Legend {
  /** Of all values, in words. */
  readonly range: string;
  readonly layout: Layout;
  readonly rowGroup: number;
  /** Whose words it has. */
  readonly map: TextHeatMap;
  readonly width: number;
  readonly paint: Paint;
}

function drawLegend({ range, layout, rowGroup, map, width, paint }: Legend): string[] {
  const { columnName, marks } = map;
  const { rowName, mean } = map.words ?? { rowName: 'layer', mean: "the layer's mean" };
  const entries = describeLevels(scale).map((words, level) => ({ sign: levelBlocks[level]!, level, words }));
  entries.push({ sign: none, level: -1, words: 'none' });
  const lines: string[] = [];
  let used = width;
  for (const { sign, level, words } of entries) {
    const length = words.length + 2;
    const isFirst = used + 2 + length > width;
    used = isFirst ? length : used + 2 + length;
    const text = `${paint(sign, level)} ${clip(words, width - 2)}`;
    if (isFirst) lines.push(text);
    else lines[lines.length - 1] += `  ${text}`;
  }
  const sentences = [
    `load over ${mean}: 1.00x is even; here ${range}; max: the ${rowName}'s largest`,
    ...(layout.group > 1 ? [`each column is the largest of ${layout.group} ${columnName}s`] : []),
    ...(rowGroup > 1 ? [`each row is the largest of ${rowGroup} ${rowName}s`] : []),
    ...(marks?.columns.includes(true) === true ? [`${mark} ${marks.meaning}`] : []),
  ];
  return [...lines, ...sentences.flatMap((sentence) => wrap(sentence, width))];
}

function wrap(sentence: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of sentence.split(' ').map((text) => clip(text, width))) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}

function clip(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`.slice(0, width);
}
