import type { BalanceSolution } from './solve.js';

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
