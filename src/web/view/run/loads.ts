import { divideByGroupMeans } from '../../../balance/index.js';
import type { RunLoads, StepMetrics } from '../../../formats/browser.js';
import type { HeatGrid } from '../heat-map.js';

/** A heat map over time. */
export interface StepGrid extends HeatGrid {
  /** `[columns]` */
  readonly steps: readonly number[];
}

/** The loads of ranks as they were, or as the placement at the run's start would have made them. */
export type LoadChoice = 'measured' | 'unmoved';

/**
 * `[ranks, steps]`: rows of each rank's experts over the mean of the `expert` ranks that it shares experts with. Where placements never change, both choices are the same.
 */
export function gridOfRanks(history: readonly StepMetrics[], choice: LoadChoice, expert: number): StepGrid {
  const rows = history[0]?.rankLoads.length ?? 0;
  const values = new Float32Array(rows * history.length).fill(Number.NaN);
  for (const [column, metrics] of history.entries()) {
    const loads = divideByGroupMeans(rankLoadsOf(metrics, choice), expert);
    if (loads.length === rows) for (const [row, load] of loads.entries()) values[row * history.length + column] = load;
  }
  return { rows, columns: history.length, values, steps: history.map(({ step }) => step) };
}

/** Rows by rank. */
export function rankLoadsOf({ rankLoads, unmovedRankLoads }: StepMetrics, choice: LoadChoice): readonly number[] {
  return choice === 'unmoved' ? (unmovedRankLoads ?? rankLoads) : rankLoads;
}

/** `[experts, steps]` of a layer (by its place among those with experts): tokens of each expert over the mean of the experts. */
export function gridOfExperts(files: readonly RunLoads[], layer: number): StepGrid {
  const steps = files.flatMap((file) => [...file.steps]);
  const rows = files[0]?.experts ?? 0;
  const values = new Float32Array(rows * steps.length).fill(Number.NaN);
  let column = 0;
  for (const { counts, layers, experts, steps: own } of files) {
    for (let window = 0; window < own.length; window++, column++) {
      const first = (window * layers.length + layer) * experts;
      const loads = divideByGroupMeans([...counts.subarray(first, first + experts)], experts);
      if (experts === rows) for (const [row, load] of loads.entries()) values[row * steps.length + column] = load;
    }
  }
  return { rows, columns: steps.length, values, steps };
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
