import {
  type Balancedness,
  type Dispatch,
  decidePlacement,
  type LayerDecision,
  LEAST_GAIN,
  type Machine,
  measureBalancedness,
  type Placement,
  type PlacementDecision,
  type PlacementPolicy,
} from '../../balance/index.js';
import { formatSeconds } from '../../base/index.js';
import type { PendingTarget } from './switches.js';
import { type LoadWindow, measureWindow, windowLoads } from './window.js';

export interface RebalanceRequest {
  /** The step after which it is decided. */
  readonly step: number;
  readonly window: LoadWindow;
  /** A GPU for each rank that shares the experts, with its slots; the same for all pipeline ranks. */
  readonly machine: Machine;
  /** `balance.shares` of the run. */
  readonly dispatch: Dispatch;
  /** The placement in force, of the window's layers. */
  readonly current: Placement;
  readonly policy: PlacementPolicy;
  readonly seed: number;
  /** As `priceMove` gives it. */
  readonly stepsPerMove: number;
  /** What computing experts takes a rank in a step, mean over ranks: for the seconds that are shown, not for the decision. */
  readonly expertSeconds: number;
  /** Steps after which what was counted counts half as much. */
  readonly halfLifeSteps: number;
  /** Steps until the next decision, or to the end of the run if that is nearer. */
  readonly stepsAhead: number;
}

interface LayerMoves {
  /** Its number among all layers. */
  readonly layer: number;
  /** Replicas that travel to a rank that does not hold them. */
  readonly moves: number;
  /** Largest over mean load of the ranks, as predicted. */
  readonly before: number;
  readonly after: number;
}

/** Whether experts move after a step, and why. Balancedness is predicted on those steps of the window that the search has not seen. */
export interface RebalanceDecision {
  readonly step: number;
  readonly current: Placement;
  /** Where to go; undefined where nothing moves. */
  readonly pending: PendingTarget | undefined;
  /** The layers that move. */
  readonly layers: readonly LayerMoves[];
  readonly moves: number;
  /** Over ranks, with the current placement and with the next. */
  readonly before: Balancedness;
  readonly after: Balancedness;
  /** Over logical experts, of all steps of the window: what the router's own balancing achieves. */
  readonly experts: Balancedness;
  /** How much loads change from step to step: the experts' standard deviations in the window over their means, each summed up. */
  readonly variation: number;
  /** What it saves until the next decision, how far that may be from this, and what the moves take if nothing hides them. */
  readonly gainSeconds: number;
  readonly gainSpreadSeconds: number;
  readonly costSeconds: number;
  /** Why or why not, for a person: one line without the step. */
  readonly reason: string;
}

/** Fewer steps are no ground for a decision: half of them is for the search, half for its judgement. */
const FEWEST_STEPS = 8;

/**
 * Decides after a step whether experts move, from the window (`decidePlacement`). The gain takes all pipeline ranks to hold equally loaded layers; loads that were counted in steps of another size
 * count as shares. Gives undefined where the window holds fewer than 8 steps or no step is left to gain in. Nothing in it is decided by a clock: `stepsPerMove` is the only measured number that enters.
 */
export function decideRebalance(request: RebalanceRequest): RebalanceDecision | undefined {
  const { step, window, machine, current, stepsPerMove, expertSeconds, stepsAhead } = request;
  if (window.steps.length < FEWEST_STEPS || stepsAhead < 1) return undefined;
  const { dispatch, policy, seed, halfLifeSteps } = request;
  const loads = windowLoads(window);
  const weights = Float64Array.from(window.steps, (one) => 2 ** ((one.step - step) / halfLifeSteps));
  const decision = decidePlacement({
    loads,
    weights,
    machine,
    dispatch,
    current,
    policy,
    seed,
    windowsPerMove: stepsPerMove,
    windowsAhead: stepsAhead,
  });
  const layers = decision.layers.flatMap(({ verdict, moves, before, after }, index) =>
    verdict === 'moves' ? [{ layer: window.layers[index], moves, before, after }] : [],
  );
  const gains = Float32Array.from(decision.layers, ({ verdict, gain }) => (verdict === 'moves' ? gain : 0));
  const seconds = {
    gainSeconds: decision.gain * stepsAhead * expertSeconds,
    gainSpreadSeconds: decision.spread * stepsAhead * expertSeconds,
    costSeconds: decision.moves * stepsPerMove * expertSeconds,
  };
  return {
    step,
    current,
    pending: layers.length === 0 ? undefined : { target: decision.placement, gains },
    layers,
    moves: decision.moves,
    before: decision.before,
    after: decision.after,
    experts: measureExperts(loads),
    variation: measureVariation(window),
    ...seconds,
    reason: layers.length === 0 ? explainStay(decision) : explainMove(decision, layers.length, seconds),
  };
}

function measureVariation(window: LoadWindow): number {
  const { mean, variance } = measureWindow(window);
  const total = mean.reduce((sum, value) => sum + value, 0);
  return total === 0 ? 0 : variance.reduce((sum, value) => sum + Math.sqrt(value), 0) / total;
}

/** Balancedness as if each expert were a rank. */
function measureExperts({ windows, layers, experts, counts }: ReturnType<typeof windowLoads>): Balancedness {
  const even = Float64Array.from({ length: windows * layers }, (_, row) => {
    const own = counts.subarray(row * experts, (row + 1) * experts);
    return own.reduce((sum, count) => sum + count, 0) / experts;
  });
  return measureBalancedness(counts, even, { windows, gpus: experts });
}

type Seconds = Pick<RebalanceDecision, 'gainSeconds' | 'gainSpreadSeconds' | 'costSeconds'>;

function explainMove(
  { moves, before, after }: PlacementDecision,
  layers: number,
  { gainSeconds, gainSpreadSeconds, costSeconds }: Seconds,
): string {
  const replicas = `${moves} ${moves === 1 ? 'replica' : 'replicas'} of ${layers} ${layers === 1 ? 'layer' : 'layers'}`;
  const ranks = `slowest rank ${formatFactor(before)} -> ${formatFactor(after)} the mean`;
  const saved = `${formatSeconds(gainSeconds)} ± ${formatSeconds(gainSpreadSeconds)}`;
  const price = `saves ${saved} until the next, on steps that it was not placed by, for ${formatSeconds(costSeconds)} of moving`;
  return `moves ${replicas}: ${ranks}, ${price}`;
}

/** The reason of the layer that would have gained most. */
function explainStay({ before, layers }: PlacementDecision): string {
  const now = `keeps: slowest rank ${formatFactor(before)} the mean`;
  const gainOf = (layer: LayerDecision): number => layer.before - layer.after;
  const best = layers.reduce((a, b) => (gainOf(b) > gainOf(a) ? b : a));
  const percent = `${((100 * gainOf(best)) / best.before).toFixed(1)}%`;
  switch (best.verdict) {
    case 'small':
      return `${now}, a layer would gain ${percent} at most, below ${100 * LEAST_GAIN}%`;
    case 'uncertain':
      return `${now}, a layer would gain ${percent}, within the noise of its steps`;
    case 'dear':
      return `${now}, a layer would gain ${percent}, less than its moves take`;
    case 'even':
      return `${now}, no layer could gain ${100 * LEAST_GAIN}%`;
    case 'best':
    case 'moves':
      return `${now}, nothing better was found`;
  }
}

function formatFactor({ ratioOfSums }: Balancedness): string {
  return `${(1 / ratioOfSums).toFixed(2)}x`;
}
