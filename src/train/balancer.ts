import { join } from 'node:path';
import { createMachine, type Machine } from '../balance/index.js';
import type { TrainingConfig } from '../config/index.js';
import type { DecisionMetrics } from '../formats/index.js';
import {
  heldMoeLayers,
  type LayerSwitch,
  type RankState,
  type RunSpec,
  type StepReport,
  setPlacement,
} from '../runtime/index.js';
import { countsOf, listMoeLayers } from './load-recorder.js';
import {
  addStep,
  createRebalanceState,
  createTrafficMeter,
  decideRebalance,
  formatMoveCost,
  priceMove,
  type RebalanceShape,
  type RebalanceState,
  readRebalanceState,
  takeSwitches,
  writeRebalanceState,
} from './rebalance/index.js';

/**
 * What happens to the placement of experts while a run goes on. Every process of a run has one, and all come to the same.
 *
 * A decision names a target for every layer; layers then go over to theirs in the steps that follow, of each pipeline rank one a step. So a step goes: `takeSwitches` says which layers
 * go over; while the ranks compute, the experts of these travel (`runtime/migration.ts`), and `decide` looks at the steps before; the ranks update their parameters, and with that the
 * layers have gone over; `finish`.
 */
export interface Balancer {
  /** Layers that go over to another placement in the step that begins. */
  takeSwitches(): readonly LayerSwitch[];
  /** While step `step` runs: decides from the steps before it, where that is due. The target counts from the next step on. */
  decide(step: number): DecisionMetrics | undefined;
  /** The step is done, and what switched in it is in force. */
  finish(step: number, reports: readonly StepReport[]): void;
  /** Writes what a run that goes on from here has to know, into the folder of a checkpoint. */
  save(folder: string): Promise<void>;
}

export interface BalancerOptions {
  readonly config: TrainingConfig;
  readonly spec: RunSpec;
  readonly state: RebalanceState;
  /** The node of each rank. */
  readonly nodeOfRank: readonly number[];
}

/** The state's file in a checkpoint. */
const FILE = 'rebalance.safetensors';

/** In an interval between decisions. */
const HALF_LIVES = 3;

/** The MoE layers, slots and ranks of a run. */
function shapeOf({ model, placement, expert, schedule }: RunSpec, { balance }: TrainingConfig): RebalanceShape {
  return {
    layers: listMoeLayers(model),
    experts: model.nRoutedExperts,
    slots: placement.slots,
    expertRanks: expert,
    pipelineRanks: schedule.ranks,
    interval: balance.interval,
  };
}

/**
 * The state with which a run begins, or goes on after step `done` of a checkpoint: then its placement is put into the ranks' tables, so that the checkpoint's
 * numbers come to lie where they were. `note` is what a person should know. Throws `InputError` for a damaged file.
 */
export function openRebalanceState(
  { spec, config }: Pick<BalancerOptions, 'spec' | 'config'>,
  states: readonly RankState[],
  from: { readonly checkpoint: string; readonly done: number } | undefined,
): { readonly state: RebalanceState; readonly note: string | undefined } {
  const shape = shapeOf(spec, config);
  if (from === undefined) return { state: createRebalanceState(shape), note: undefined };
  const resumed = readRebalanceState(join(from.checkpoint, FILE), from.done, shape);
  setPlacement(states, resumed.state.placement, spec.model.firstKDenseReplace);
  return resumed;
}

/** Watches the loads of a run with `balance.interval` above 0, decides, and says which layers switch when. */
export function createBalancer(options: BalancerOptions): Balancer {
  const { config, spec } = options;
  const { interval, policy, moveCost, shares } = config.balance;
  const shape = shapeOf(spec, config);
  const machine = describeMachine(spec, options.nodeOfRank);
  const heldLayers = Array.from({ length: spec.schedule.ranks }, (_, rank) => heldMoeLayers(spec, rank));
  const meter = createTrafficMeter(spec.model);
  let state = options.state;
  /** In force once the step under way is done. */
  let next = state.placement;
  return {
    takeSwitches() {
      const { placement: current, pending } = state;
      if (pending === undefined) return [];
      const { switches, placement } = takeSwitches({ current, pending, layers: shape.layers, heldLayers });
      next = placement;
      if (switches.length === 0) state = { ...state, pending: undefined };
      return switches;
    },
    decide(step) {
      const last = step - 1;
      const known = state.traffic;
      if (last === 0 || last % interval !== 0 || known === undefined) return undefined;
      const stepsPerMove = moveCost > 0 ? moveCost : priceMove(known);
      const decision = decideRebalance({
        step: last,
        window: state.window,
        machine,
        dispatch: shares,
        current: next,
        policy,
        seed: config.train.seed,
        stepsPerMove,
        expertSeconds: known.expertSeconds,
        halfLifeSteps: interval / HALF_LIVES,
        stepsAhead: Math.min(interval, config.train.steps - step),
      });
      if (decision === undefined) return undefined;
      state = { ...state, pending: decision.pending };
      return {
        after: last,
        balancednessBefore: decision.before.ratioOfSums,
        balancednessAfter: decision.after.ratioOfSums,
        expertBalancedness: decision.experts.ratioOfSums,
        loadVariation: decision.variation,
        moves: decision.moves,
        bytes: decision.moves * known.bytesPerMove,
        gainSeconds: decision.gainSeconds,
        gainSpreadSeconds: decision.gainSpreadSeconds,
        costSeconds: decision.costSeconds,
        reason: decision.reason,
        moveCost: formatMoveCost(known, stepsPerMove),
      };
    },
    finish(step, reports) {
      state = { ...state, placement: next, window: addStep(state.window, step, countsOf(reports)) };
      meter.add(reports);
      if (step % interval === 0 && state.traffic === undefined) state = { ...state, traffic: meter.measure() };
    },
    save: async (target) => await writeRebalanceState(join(target, FILE), state, shape),
  };
}

/** A GPU for each rank that shares the experts, on nodes if they are alike and in order in every pipeline rank, as the balancer wants them. */
function describeMachine({ expert, placement }: RunSpec, nodeOfRank: readonly number[]): Machine {
  const nodes = new Set(nodeOfRank.slice(0, expert)).size;
  const isRegular = nodeOfRank.every((node, rank) => {
    const first = nodeOfRank[rank - (rank % expert)];
    return node - first === Math.floor(((rank % expert) * nodes) / expert);
  });
  return createMachine({ gpus: expert, slots: placement.slots, nodes: isRegular && expert % nodes === 0 ? nodes : 1 });
}
