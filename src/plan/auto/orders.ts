import type { Action, Schedule } from '../../schedule/index.js';
import { isInputOnly, isPair, type Order, type Problem, pairToken } from './problem.js';

/** The order of a schedule that lies as the problem does. Its microbatches need not come in their order: times and memory do not depend on which is which. */
export function orderOf(problem: Problem, schedule: Schedule): Order {
  const { stages } = problem;
  const tokenOf = (action: Action): number => {
    switch (action.kind) {
      case 'forward':
        return action.stage;
      case 'backward':
        return stages + action.stage;
      case 'backwardInput':
        return 2 * stages + action.stage;
      case 'backwardWeight':
        return 3 * stages + action.stage;
      case 'overlap':
        return pairToken(problem, action.forward.stage, action.backward.stage);
      default:
        return action satisfies never;
    }
  };
  return schedule.actions.map((actions) => Int32Array.from(actions, tokenOf));
}

/** The schedule of an order: each stage's microbatches in their order, weight gradients first in, first out. */
export function scheduleOf(problem: Problem, order: Order): Schedule {
  const { placement, stages, microbatches } = problem;
  const forwards = new Int32Array(stages);
  const backwards = new Int32Array(stages);
  const delayed = Array.from({ length: stages }, () => [] as number[]);
  const taken = new Int32Array(stages);
  const nextForward = (stage: number) => ({ kind: 'forward', stage, microbatch: forwards[stage]!++ }) as const;
  const nextBackward = (stage: number) => ({ kind: 'backward', stage, microbatch: backwards[stage]!++ }) as const;
  const actionOf = (token: number): Action => {
    const [forward, backward, weight] = [
      problem.forwardOf[token]!,
      problem.backwardOf[token]!,
      problem.weightOf[token]!,
    ];
    if (isPair(problem, token)) {
      return { kind: 'overlap', forward: nextForward(forward), backward: nextBackward(backward) };
    }
    if (forward >= 0) return nextForward(forward);
    if (weight >= 0) {
      return { kind: 'backwardWeight', stage: weight, microbatch: delayed[weight]![taken[weight]!++]! };
    }
    const action = nextBackward(backward);
    if (!isInputOnly(problem, token)) return action;
    delayed[backward]!.push(action.microbatch);
    return { ...action, kind: 'backwardInput' };
  };
  return {
    name: 'auto',
    ranks: placement.ranks,
    microbatches: microbatches * placement.pipelines.length,
    pipelines: placement.pipelines,
    stageToRank: placement.stageToRank,
    actions: order.map((list) => Array.from(list, actionOf)),
  };
}
