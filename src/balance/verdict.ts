import { formatSeconds } from '../base/index.js';
import type { MoveCost } from './migrate.js';
import type { Migration } from './migrate-placement.js';

/** What moving comes to, and whether it pays; what there is only with a cost of moves is missing without. */
export interface MoveVerdict {
  /** Replicas that travel. */
  readonly moves: number;
  /** By how much the sum over layers of the largest GPU load falls, as a share of what it is now. */
  readonly gain: number;
  readonly isWorthIt?: boolean;
  /** After how long the gain has made up for the moves; null where nothing moves. */
  readonly paybackSeconds?: number | null;
  /** What moving all the way would take and give. */
  readonly whole: { readonly moves: number; readonly gain: number };
}

/** Whether the moves of a migration pay. */
export function judgeMoves({ moves, gain, whole }: Migration, cost: MoveCost | undefined): MoveVerdict {
  if (cost === undefined) return { moves, gain, whole };
  const paybackSeconds = moves === 0 ? null : (moves * cost.secondsPerMove) / gain;
  return { moves, gain, isWorthIt: moves > 0, paybackSeconds, whole };
}

/** A verdict in a sentence: "Move 37 replicas, gain 6.2% per step, pays back in 41 s.", or why not. */
export function describeMoves(verdict: MoveVerdict, cost: MoveCost | undefined): string {
  const { moves, gain, paybackSeconds, whole } = verdict;
  const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
  const replicas = (count: number): string => `${count} replica${count === 1 ? '' : 's'}`;
  if (cost === undefined) return `Move ${replicas(moves)}, gain ${percent(gain)} per step.`;
  if (typeof paybackSeconds === 'number')
    return `Move ${replicas(moves)}, gain ${percent(gain)} per step, pays back in ${formatSeconds(paybackSeconds)}.`;
  const spent = formatSeconds(whole.moves * cost.secondsPerMove);
  const gained = formatSeconds(Math.max(0, whole.gain) * cost.intervalSeconds);
  return `Do not move: the best placement takes ${replicas(whole.moves)}, ${spent}, and would gain ${percent(whole.gain)} per step, ${gained} until the next rebalance.`;
}
