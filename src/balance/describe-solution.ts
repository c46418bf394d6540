import type { HeldOut } from './held-out/index.js';
import type { BalanceSolution } from './solve.js';
import { describeGain } from './verdict.js';
import type { PlacementObjective } from './windowed-state.js';

/** In a line: what was placed, on what, and how. */
export function describeSolution(solution: BalanceSolution): string {
  const { placement, machine, windows, policy, strategy, reason } = solution;
  const recorded = windows === 1 ? '' : `, ${windows} windows`;
  const used = machine.isUsed.reduce((sum, value) => sum + value, 0);
  const gpus = used === machine.gpus ? `${used} GPUs` : `${used} of ${machine.gpus} GPUs`;
  const nodes = machine.nodes === 1 ? '' : ` on ${machine.nodes} nodes`;
  return `${placement.layers} layers of ${placement.experts} experts in ${machine.slots} slots of ${gpus}${nodes}${recorded}; policy ${policy}, ${strategy} (${reason})`;
}

/** How good the largest GPU loads are, as the end of a sentence about them. */
export function describeGap(gap: number): string {
  return gap === 0
    ? 'proven to be the least that is possible'
    : `at most ${(100 * gap).toFixed(3)}% above the least that is possible`;
}

/** What the loads of a solution are of, for the end of a title: empty where there is one window. */
export function describeWindows({ windows }: Pick<BalanceSolution, 'windows'>): string {
  return windows === 1 ? '' : `, ${windows} windows together`;
}

const objectiveWords: Readonly<Record<PlacementObjective, string>> = {
  sum: 'the largest GPU load of the sum of the windows',
  mean: 'the mean of the largest GPU loads of the windows',
  worst: 'the largest GPU load of the worst window',
};

/** What a placement is worth on windows that it was not placed by, and how that was found: a sentence each. */
export function describeHeldOut({
  heldOut,
  objective,
  hasCurrent,
  verdict,
  policy,
}: BalanceSolution): readonly string[] {
  if (heldOut === undefined)
    return [
      'All figures are of the one window that it was placed by: what it is worth on others, several windows tell.',
    ];
  const { windows, folds, drifts, wasFitted, gain } = heldOut;
  const against = hasCurrent ? 'the placement now' : 'before';
  return [
    drifts
      ? `The loads drift while they are recorded: ${folds} times the earlier windows placed, and the later ones measured.`
      : `Measured on windows that were not placed by: ${windows} windows in ${folds} parts, each measured on a placement by the others.`,
    ...(policy === 'deepseek' ? [] : [describeObjective(objective, heldOut.objectives)]),
    ...(verdict === undefined
      ? [`Against ${against}, the largest GPU loads change by ${describeChange(gain)} on such windows.`]
      : []),
    ...(wasFitted
      ? [`What is compared with (${against}) looks made from these very windows: its loads are corrected for that.`]
      : []),
  ];
}

function describeObjective(objective: PlacementObjective, tried: HeldOut['objectives']): string {
  const [best, second] = tried;
  const chosen = `Made small: ${objectiveWords[objective]}`;
  if (second === undefined) return `${chosen}.`;
  const [value, other] = [best, second].map(({ balancedness }) => balancedness.value.toFixed(4));
  const isNear = second.balancedness.value > best.balancedness.value ? ', which is not clearly better' : '';
  return `${chosen}, which comes to a balancedness of ${value} on other windows; ${objectiveWords[second.objective]} comes to ${other}${isNear}.`;
}

/** A fall of loads, as a change with its spread: `-15.1% ± 2.0%`. */
function describeChange({ value, spread }: HeldOut['gain']): string {
  return describeGain({ gain: -value, spread });
}
