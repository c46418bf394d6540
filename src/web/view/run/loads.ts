import type { RunLoads, StepMetrics } from '../../../formats/browser.js';
import type { HeatGrid } from '../heat-map.js';

/** A heat map over time. */
export interface StepGrid extends HeatGrid {
  /** `[columns]` */
  readonly steps: readonly number[];
}

/** The loads of ranks as they were, or as the placement at the run's start would have made them. */
export type LoadChoice = 'measured' | 'unmoved';

/** `[ranks, steps]`: rows of each rank's experts over the mean of the ranks. Where placements never change, both choices are the same. */
export function gridOfRanks(history: readonly StepMetrics[], choice: LoadChoice): StepGrid {
  const rows = history[0]?.rankLoads.length ?? 0;
  const values = new Float32Array(rows * history.length).fill(Number.NaN);
  for (const [column, { rankLoads, unmovedRankLoads }] of history.entries()) {
    const loads = choice === 'unmoved' ? (unmovedRankLoads ?? rankLoads) : rankLoads;
    fillColumn(values, { column, columns: history.length, rows }, loads);
  }
  return { rows, columns: history.length, values, steps: history.map(({ step }) => step) };
}

/** `[experts, steps]` of a layer (by its place among those with experts): tokens of each expert over the mean of the experts. */
export function gridOfExperts(files: readonly RunLoads[], layer: number): StepGrid {
  const steps = files.flatMap((file) => [...file.steps]);
  const rows = files[0]?.experts ?? 0;
  const values = new Float32Array(rows * steps.length).fill(Number.NaN);
  let column = 0;
  for (const { counts, layers, experts, steps: own } of files) {
    for (let window = 0; window < own.length; window++) {
      const first = (window * layers.length + layer) * experts;
      fillColumn(values, { column, columns: steps.length, rows }, counts.subarray(first, first + experts));
      column++;
    }
  }
  return { rows, columns: steps.length, values, steps };
}

interface ColumnPlace {
  readonly column: number;
  readonly columns: number;
  readonly rows: number;
}

/** Loads over their mean; where there are none at all, each is as large as the mean. */
function fillColumn(values: Float32Array, { column, columns, rows }: ColumnPlace, loads: ArrayLike<number>): void {
  if (loads.length !== rows) return;
  let sum = 0;
  for (let row = 0; row < rows; row++) sum += loads[row]!;
  for (let row = 0; row < rows; row++) values[row * columns + column] = sum === 0 ? 1 : (loads[row]! * rows) / sum;
}

/** Where experts moved, over the columns of a grid: a step that has no column of its own is shown at the next one. */
export function listMoves(
  history: readonly StepMetrics[],
  { steps }: Pick<StepGrid, 'steps'>,
): { readonly column: number; readonly words: string }[] {
  const marks: { column: number; words: string }[] = [];
  let column = 0;
  for (const { step, moves } of history) {
    if (moves === 0) continue;
    while (column < steps.length && steps[column]! < step) column++;
    if (column >= steps.length) break;
    marks.push({ column, words: `${moves} ${moves === 1 ? 'replica' : 'replicas'} moved at the end of step ${step}` });
  }
  return marks;
}

/** The largest load of a rank over the mean, as a mean over steps: 1 is balanced. */
export function meanImbalance({ rows, columns, values }: HeatGrid): number {
  let sum = 0;
  for (let column = 0; column < columns; column++) {
    let largest = 0;
    for (let row = 0; row < rows; row++) largest = Math.max(largest, values[row * columns + column]!);
    sum += largest;
  }
  return columns === 0 ? 1 : sum / columns;
}
