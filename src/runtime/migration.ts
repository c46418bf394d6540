import { type LaneMemory, listSlotMoves, now, type Transport } from '../comm/index.js';
import type { AdamwStep, OptimizerKernels } from '../device/index.js';
import type { TimelineEvent } from '../schedule/index.js';
import { slotsOfRank } from './layout.js';
import type { LayerMoves, OperationPlan } from './operations.js';
import { openSlotToExpert } from './slots.js';
import type { RunSpec } from './spec.js';
import type { LayerSlots, StagingLayout, StateLayout } from './state-layout.js';

/** A layer that goes over to another placement at the end of a step. */
export interface LayerSwitch {
  readonly layer: number;
  /** `[slots of all ranks]`: the expert in each slot from then on. */
  readonly slotToExpert: readonly number[];
}

/** What a switch took on one rank. */
export interface MigrationReport {
  readonly layer: number;
  /** Slots of this rank that get an expert which the rank did not hold. */
  readonly moves: number;
  /** That came from other ranks. */
  readonly bytes: number;
  /** The communication lane at work on it. */
  readonly seconds: number;
  /** Of which the rank had to wait for. */
  readonly exposedSeconds: number;
}

/** What is under way in a step. */
interface Switch {
  readonly layer: LayerSlots;
  readonly moves: LayerMoves;
  readonly next: readonly number[];
  /** This rank's slots that get other experts, from 0. */
  readonly targets: readonly number[];
  /** Operations that bring parameters and moments, in the order in which they are posted. */
  readonly pieces: readonly number[];
  posted: number;
  hasGradients: boolean;
}

export interface MigrationOptions {
  readonly spec: RunSpec;
  readonly transport: Transport;
  readonly plan: OperationPlan;
  readonly layout: StateLayout;
  readonly kernels: OptimizerKernels;
  readonly state: SharedArrayBuffer;
  readonly lane: LaneMemory;
}

/**
 * Moves experts between slots while a step runs, so that a layer goes over to another placement at its end. During a step parameters and moments do not change:
 * they travel piece by piece behind the computation, into memory beside the slots. The gradients of the step follow once they are summed, the optimizer
 * steps what has come as it steps what stays, and only then does it take the place of what was in the slots. So an expert's numbers are the same bits
 * wherever it goes, and until the step's end the former placement is whole.
 */
export interface Migration {
  /** Before a step: of `switches`, at most one is of a layer of this rank. */
  begin(switches: readonly LayerSwitch[]): void;
  /** Before instruction `index` of `count`: asks for a piece where one is due. */
  pass(index: number, count: number): void;
  /** The sums of all gradients of the layer are under way: asks for those of what moves. Whatever was asked for before is done by then. */
  moveGradients(isSummed: (stages: readonly number[]) => boolean): void;
  /** Waits until all has come; gives what the switch has taken so far. */
  finish(): MigrationReport | undefined;
  /** The optimizer's step of what has come, which then is what the slots hold; gives the seconds that took. */
  apply(step: Omit<AdamwStep, 'weightDecay'>): number;
  /** What the communication lane did for it in the last step, in seconds since `origin`. */
  listEvents(origin: number): TimelineEvent[];
}

export function createMigration(options: MigrationOptions): Migration {
  const { transport, layout } = options;
  const { staging } = layout;
  let current: Switch | undefined;
  let last: Switch | undefined;
  const post = (one: Switch, operation: number) => {
    one.posted++;
    transport.post(operation);
  };
  return {
    begin(switches) {
      last = undefined;
      const own = switches.flatMap((one) => {
        const layer = layout.slots.find((slots) => slots.layer === one.layer);
        return layer === undefined ? [] : [{ layer, next: one.slotToExpert }];
      });
      if (own.length > 1) throw new Error('two layers of a rank cannot switch in the same step');
      current = own.length === 0 ? undefined : openSwitch(options, own[0].layer, own[0].next);
    },
    pass(index, count) {
      if (current === undefined || current.posted >= current.pieces.length) return;
      // Evenly over the program, so that no exchange waits behind more than one.
      if (index * (current.pieces.length + 1) >= count * (current.posted + 1))
        post(current, current.pieces[current.posted]);
    },
    moveGradients(isSummed) {
      if (current === undefined || current.hasGradients || !isSummed(current.layer.stages)) return;
      current.hasGradients = true;
      while (current.posted < current.pieces.length) post(current, current.pieces[current.posted]);
      transport.post(current.moves.gradients);
    },
    finish() {
      if (current === undefined) return undefined;
      const { pieces, moves } = current;
      const start = now();
      for (const operation of [...pieces, moves.gradients]) transport.wait(operation);
      return reportSwitch(options, current, now() - start);
    },
    apply(step) {
      if (current === undefined || staging === undefined) return 0;
      const start = now();
      applySwitch(options, staging, current, step);
      last = current;
      current = undefined;
      return now() - start;
    },
    listEvents: (origin) => (last === undefined ? [] : describeEvents(options, last, origin)),
  };
}

function openSwitch(
  { spec, plan, layout, state }: MigrationOptions,
  layer: LayerSlots,
  next: readonly number[],
): Switch {
  const moves = plan.moves.find((one) => one.layer === layer.layer);
  if (moves === undefined || layout.staging === undefined) throw new Error('experts do not move in this run');
  const slots = slotsOfRank(spec);
  const table = new Int32Array(state, layout.staging.slotToExpert, layer.slotToExpert.count);
  table.set(next);
  const all = listSlotMoves(openSlotToExpert(state, layer), table, slots).map(({ target }) => target);
  const used = new Set(all.map((target) => target % slots));
  const targets = all.filter((target) => target >= layer.first && target < layer.first + slots);
  return {
    layer,
    moves,
    next,
    targets: targets.map((target) => target - layer.first),
    pieces: moves.pieces.filter((_, slot) => used.has(slot)),
    posted: 0,
    hasGradients: false,
  };
}

function reportSwitch(
  { spec, state, lane, layout }: MigrationOptions,
  { layer, pieces, moves, next }: Switch,
  exposedSeconds: number,
): MigrationReport {
  const slots = slotsOfRank(spec);
  const isOwn = (slot: number) => slot >= layer.first && slot < layer.first + slots;
  const incoming = listSlotMoves(openSlotToExpert(state, layer), Int32Array.from(next), slots).filter(
    ({ source, target }) => isOwn(target) && !isOwn(source),
  );
  const times = new Float64Array(lane.times);
  const seconds = [...pieces, moves.gradients].reduce(
    (sum, operation) => sum + times[2 * operation + 1] - times[2 * operation],
    0,
  );
  const { first, end } = layer.stepped;
  const regions = layout.staging === undefined ? 0 : 4;
  return {
    layer: layer.layer,
    moves: incoming.length,
    bytes: incoming.length * 4 * regions * (end - first),
    seconds,
    exposedSeconds,
  };
}

function describeEvents({ lane }: MigrationOptions, { layer, pieces, moves }: Switch, origin: number): TimelineEvent[] {
  const times = new Float64Array(lane.times);
  return [...pieces, moves.gradients].map((operation) => ({
    lane: 'communication',
    kind: 'communication',
    label: `move ${operation === moves.gradients ? 'gradients' : 'experts'} L${layer.layer}`,
    start: times[2 * operation] - origin,
    end: times[2 * operation + 1] - origin,
    chunks: [],
  }));
}

function applySwitch(
  { spec, kernels, state, layout }: MigrationOptions,
  staging: StagingLayout,
  { layer, targets, next }: Switch,
  step: Omit<AdamwStep, 'weightDecay'>,
): void {
  const { stepped, moments, position, size } = layer;
  const { byteOffsets } = layout;
  const count = stepped.end - stepped.first;
  const copy = (from: number, to: number) =>
    new Float32Array(state, to, count).set(new Float32Array(state, from, count));
  for (const slot of targets) {
    const staged = 4 * slot * moments.stride;
    const [parameters, firstMoments, secondMoments] = [
      staging.parameters + staged,
      staging.firstMoments + staged,
      staging.secondMoments + staged,
    ];
    const gradients = staging.gradients + staged;
    kernels.adamw(
      { parameters, gradients, firstMoments, secondMoments, count },
      { ...step, weightDecay: spec.optimizer.weightDecay },
    );
    const inMoments = 4 * (moments.position + slot * moments.stride);
    copy(parameters, byteOffsets.parameters + 4 * (position + slot * size + stepped.first));
    copy(firstMoments, byteOffsets.firstMoments + inMoments);
    copy(secondMoments, byteOffsets.secondMoments + inMoments);
  }
  openSlotToExpert(state, layer).set(next);
}
