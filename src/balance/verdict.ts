import { formatSeconds } from '../base/index.js';
import type { MoveCost } from './choose-points.js';

/** What moving replicas comes to. */
export interface MoveFigures {
  /** Replicas that travel. */
  readonly moves: number;
  /** By how much the sum over layers of the largest GPU load falls, as a share of what it is now. */
  readonly gain: number;
  /** How far the gain may be from this on other windows (19 of 20 times); missing of one window, which does not tell. */
  readonly spread?: number;
}

/** Why replicas move or stay. */
export type MoveReason =
  /** The gain is beyond its noise, and what moves cost. */
  | 'gains'
  /** Experts have lost all their replicas. */
  | 'lost'
  /** Nothing better was found. */
  | 'none'
  /** What was found gains no more than windows differ. */
  | 'noise'
  /** What was found costs more than it gains until the next rebalance. */
  | 'dear';

/** Whether to move, and what that takes and gives. Of several windows, gains are of those that the search has not seen. */
export interface MoveVerdict extends MoveFigures {
  readonly isWorthIt: boolean;
  readonly reason: MoveReason;
  /** Moves that are needed whatever they gain: experts that have no slot left, and slots that are empty. */
  readonly needed: number;
  /** Windows that the gain was measured on. */
  readonly windows: number;
  /** With a cost of moves: after how long the gain has made up for them; null where nothing moves. */
  readonly paybackSeconds?: number | null;
  /** The best that was found, whether it is worth it or not. */
  readonly found: MoveFigures;
  /** What moving all the way would take and give. */
  readonly whole: MoveFigures;
}

/** Of a single window, which has no noise that one could see, a gain below this is none. */
const LEAST_GAIN_OF_ONE_WINDOW = 0.001;

/** Whether what a migration found is worth its moves. `isKept`: all stays but for lost experts. */
export function judgeMigration(
  migration: MoveFigures & { readonly needed: number; readonly whole: MoveFigures },
  { cost, windows }: { readonly cost: MoveCost | undefined; readonly windows: number },
): { readonly verdict: MoveVerdict; readonly isKept: boolean } {
  const { needed, whole } = migration;
  const found = figuresOf(migration);
  const reason = findReason(found, { needed, whole, cost });
  const isKept = reason !== 'gains';
  const made = isKept ? { moves: needed, gain: 0 } : found;
  const paybackSeconds = made.moves === 0 || made.gain <= 0 ? null : secondsOf(made, cost) / made.gain;
  return {
    isKept,
    verdict: {
      ...made,
      isWorthIt: made.moves > 0,
      reason: isKept && needed > 0 ? 'lost' : reason,
      needed,
      windows,
      ...(cost === undefined ? {} : { paybackSeconds }),
      found,
      whole: figuresOf(whole),
    },
  };
}

function figuresOf({ moves, gain, spread }: MoveFigures): MoveFigures {
  return spread === undefined ? { moves, gain } : { moves, gain, spread };
}

function findReason(
  found: MoveFigures,
  {
    needed,
    whole,
    cost,
  }: { readonly needed: number; readonly whole: MoveFigures; readonly cost: MoveCost | undefined },
): Exclude<MoveReason, 'lost'> {
  const { moves, gain } = found;
  // A search that counts what moves cost finds nothing where they are too dear.
  if (moves <= needed || gain <= 0) return cost !== undefined && isBeyondNoise(whole) ? 'dear' : 'none';
  if (!isBeyondNoise(found)) return 'noise';
  return cost !== undefined && gain * cost.intervalSeconds <= secondsOf({ moves }, cost) ? 'dear' : 'gains';
}

function isBeyondNoise({ gain, spread }: MoveFigures): boolean {
  return spread === undefined ? gain >= LEAST_GAIN_OF_ONE_WINDOW : gain > spread;
}

function secondsOf({ moves }: Pick<MoveFigures, 'moves'>, cost: MoveCost | undefined): number {
  return moves * (cost?.secondsPerMove ?? 0);
}

/** A verdict in a sentence: what to move, what it gains and when it has paid back, or why not. */
export function describeMoves(verdict: MoveVerdict, cost: MoveCost | undefined): string {
  const { reason, moves, needed, found, whole, windows } = verdict;
  const best = describeFigures(found);
  switch (reason) {
    case 'gains':
      return `Move ${countReplicas(moves)}: gain ${describeGain(found)} per step ${describeMeasuredOn(windows)}${describePayback(found, cost)}.${describeNeeded(needed)}`;
    case 'lost':
      return `Move ${countReplicas(moves)}: more moves gain nothing that is certain.${describeNeeded(needed)}`;
    case 'none':
      return `Keep the placement: nothing better was found ${describeMeasuredOn(windows)}.`;
    case 'noise':
      return windows === 1
        ? `Keep the placement: the best that was found moves ${best}.`
        : `Keep the placement: the best that was found moves ${best}, no more than the ${windows} windows differ.`;
    case 'dear': {
      const way = found.moves > moves ? found : whole;
      const gained = formatSeconds(way.gain * (cost?.intervalSeconds ?? 0));
      const taken = formatSeconds(secondsOf(way, cost));
      return `Keep the placement: the best that was found moves ${describeFigures(way)}, ${gained} until the next rebalance, and takes ${taken}.`;
    }
  }
}

function describeNeeded(needed: number): string {
  if (needed === 0) return '';
  const are = needed === 1 ? 'is' : 'are';
  return ` ${countReplicas(needed)} of these ${are} needed at once, for experts that have no slot left or slots that are empty.`;
}

function describeFigures(figures: MoveFigures): string {
  return `${countReplicas(figures.moves)} for a gain of ${describeGain(figures)} per step`;
}

/** A gain with its spread: `2.7% ± 0.9%`. */
export function describeGain({ gain, spread }: Omit<MoveFigures, 'moves'>): string {
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  return spread === undefined ? percent(gain) : `${percent(gain)} ± ${percent(spread)}`;
}

function describeMeasuredOn(windows: number): string {
  return windows === 1
    ? 'on the one window that it is placed by, and what on others only several windows tell'
    : 'on windows that it was not placed by';
}

function describePayback(found: MoveFigures, cost: MoveCost | undefined): string {
  if (cost === undefined) return '';
  const { gain, spread = 0 } = found;
  const after = (share: number): string => formatSeconds(secondsOf(found, cost) / share);
  const range = spread === 0 ? '' : ` (${after(gain + spread)} to ${after(gain - spread)})`;
  return `, pays back in ${after(gain)}${range}`;
}

function countReplicas(count: number): string {
  return `${count} replica${count === 1 ? '' : 's'}`;
}
