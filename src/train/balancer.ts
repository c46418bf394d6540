import { join } from 'node:path';
import { createMachine, type Machine } from '../balance/index.js';
import type { TrainingConfig } from '../config/index.js';
import {
  heldMoeLayers,
  type LayerSwitch,
  type RankState,
  type RunSpec,
  type StepReport,
  setPlacement,
} from '../runtime/index.js';
import { countsOf, listMoeLayers } from './load-recorder.js';
import type { DecisionMetrics } from './metrics.js';
import {
  addStep,
  createRebalanceState,
  decideRebalance,
  type ExpertTraffic,
  formatMoveCost,
  priceMove,
  type RebalanceShape,
  type RebalanceState,
  readRebalanceState,
  takeSwitches,
  writeRebalanceState,
} from './rebalance/index.js';

/** What happens to the placement of experts while a run goes on. Every process of a run has one, and all come to the same. */
export interface Balancer {
  /** Layers that go over to another placement in the step that begins. */
  takeSwitches(): readonly LayerSwitch[];
  /** While step `step` runs, when its switches are under way: decides from the steps before it, where that is due. */
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
  const meter = createTrafficMeter(spec);
  let state = options.state;
  let next = state.placement;
  return {
    takeSwitches() {
      next = state.placement;
      if (state.pending === undefined) return [];
      const request = { current: state.placement, pending: state.pending, layers: shape.layers, heldLayers };
      const { switches, placement } = takeSwitches(request);
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
        moves: decision.moves,
        bytes: decision.moves * known.bytesPerMove,
        gainSeconds: decision.gainSeconds,
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

/** The steps whose rates count. */
const MOST_STEPS = 32;
/** Numbers of a parameter: itself and the optimizer's two moments, each of 4 bytes. */
const BYTES_A_PARAMETER = 12;

/** Measures what moving experts takes in this run. */
function createTrafficMeter({ model }: RunSpec) {
  const rates: number[][] = [];
  const seconds: number[] = [];
  const keep = <Value>(values: Value[], value: Value) => {
    values.push(value);
    if (values.length > MOST_STEPS) values.shift();
  };
  return {
    add(reports: readonly StepReport[]) {
      keep(
        rates,
        reports.flatMap(({ linkBytesPerSecond }) => linkBytesPerSecond ?? []),
      );
      const ofRanks = reports.map(({ expertCpuSeconds, expertSeconds }) => expertCpuSeconds ?? expertSeconds);
      keep(seconds, ofRanks.reduce((sum, value) => sum + value, 0) / ofRanks.length);
    },
    /** Undefined where nothing travelled or was computed. */
    measure(): ExpertTraffic | undefined {
      const bytesPerMove = BYTES_A_PARAMETER * 3 * model.hiddenSize * model.moeIntermediateSize;
      const [bytesPerSecond, expertSeconds] = [medianOf(rates.flat()), medianOf(seconds)];
      const isKnown = bytesPerSecond > 0 && Number.isFinite(bytesPerSecond) && expertSeconds > 0;
      return isKnown ? { bytesPerMove, bytesPerSecond, expertSeconds } : undefined;
    },
  };
}

function medianOf(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? 0;
}
