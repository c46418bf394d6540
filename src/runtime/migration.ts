import { type LaneMemory, listSlotMoves, now, type Transport } from '../comm/index.js';
import type { AdamwStep, OptimizerKernels } from '../device/index.js';
import type { TimelineEvent } from '../schedule/index.js';
import { slotsOfRank } from './layout.js';
import type { OperationPlan } from './operations.js';
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

/** A layer of this rank that goes over at the end of the step under way. */
interface Switch {
  readonly layer: LayerSlots;
  /** The placement to which it goes. */
  readonly next: readonly number[];
  /** Where what comes waits until then. */
  readonly staging: StagingLayout;
  /** This rank's slots that get other experts, from 0, and how many of them get theirs from another rank. */
  readonly targets: readonly number[];
  readonly incoming: number;
  /** Operations that bring parameters and moments, in the order in which they are posted; then that which brings gradients. */
  readonly pieces: readonly number[];
  readonly gradients: number;
  /** How many pieces are under way or done, and whether gradients are. */
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
  let current: Switch | undefined;
  /** That of the step before. */
  let last: Switch | undefined;
  const postPiece = (one: Switch) => transport.post(one.pieces[one.posted++]);
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
      if (current === undefined || current.posted === current.pieces.length) return;
      // Evenly over the program, so that no exchange waits behind more than one.
      if (index * (current.pieces.length + 1) >= count * (current.posted + 1)) postPiece(current);
    },
    moveGradients(isSummed) {
      if (current === undefined || current.hasGradients || !isSummed(current.layer.stages)) return;
      current.hasGradients = true;
      while (current.posted < current.pieces.length) postPiece(current);
      transport.post(current.gradients);
    },
    finish() {
      if (current === undefined) return undefined;
      const start = now();
      for (const operation of listTransfers(current)) transport.wait(operation);
      return reportSwitch(options, current, now() - start);
    },
    apply(step) {
      if (current === undefined) return 0;
      const start = now();
      applySwitch(options, current, step);
      last = current;
      current = undefined;
      return now() - start;
    },
    listEvents: (origin) => (last === undefined ? [] : describeEvents(options, last, origin)),
  };
}

/** Writes the next placement where the operations read it, and says what has to travel. */
function openSwitch(
  { spec, plan, layout, state }: MigrationOptions,
  layer: LayerSlots,
  next: readonly number[],
): Switch {
  const { staging } = layout;
  const operations = plan.moves.find((one) => one.layer === layer.layer);
  if (operations === undefined || staging === undefined) throw new Error('experts do not move in this run');
  const slots = slotsOfRank(spec);
  const table = new Int32Array(state, staging.slotToExpert, layer.slotToExpert.count);
  table.set(next);
  const moves = listSlotMoves(openSlotToExpert(state, layer), table, slots);
  const isOwn = (slot: number) => slot >= layer.first && slot < layer.first + slots;
  const own = moves.filter(({ target }) => isOwn(target));
  // A piece is of one slot of every rank, and all ranks ask for the same ones.
  const used = new Set(moves.map(({ target }) => target % slots));
  return {
    layer,
    next,
    staging,
    targets: own.map(({ target }) => target - layer.first),
    incoming: own.filter(({ source }) => !isOwn(source)).length,
    pieces: operations.pieces.filter((_, slot) => used.has(slot)),
    gradients: operations.gradients,
    posted: 0,
    hasGradients: false,
  };
}

function listTransfers({ pieces, gradients }: Switch): number[] {
  return [...pieces, gradients];
}

/** What travels of each number of an expert that moves: itself, its gradient and both moments, 4 bytes each. */
export const MOVED_BYTES_A_PARAMETER = 16;

function reportSwitch({ lane }: MigrationOptions, one: Switch, exposedSeconds: number): MigrationReport {
  const { layer, incoming } = one;
  const times = new Float64Array(lane.times);
  const seconds = listTransfers(one).map((operation) => times[2 * operation + 1] - times[2 * operation]);
  const { first, end } = layer.stepped;
  return {
    layer: layer.layer,
    moves: incoming,
    bytes: incoming * MOVED_BYTES_A_PARAMETER * (end - first),
    seconds: seconds.reduce((sum, value) => sum + value, 0),
    exposedSeconds,
  };
}

function describeEvents({ lane }: MigrationOptions, one: Switch, origin: number): TimelineEvent[] {
  const times = new Float64Array(lane.times);
  return listTransfers(one).map((operation) => ({
    lane: 'communication',
    kind: 'communication',
    label: `move ${operation === one.gradients ? 'gradients' : 'experts'} L${one.layer.layer}`,
    start: times[2 * operation] - origin,
    end: times[2 * operation + 1] - origin,
    chunks: [],
  }));
}

/** Steps what has come, puts it into its slots, and puts the next placement in force. */
function applySwitch(
  { spec, kernels, state, layout: { byteOffsets } }: MigrationOptions,
  { layer, targets, next, staging }: Switch,
  step: Omit<AdamwStep, 'weightDecay'>,
): void {
  const { stepped, moments, position, size } = layer;
  const count = stepped.end - stepped.first;
  const copy = (from: number, to: number) =>
    new Float32Array(state, to, count).set(new Float32Array(state, from, count));
  for (const slot of targets) {
    const inStaging = 4 * slot * moments.stride;
    const staged = {
      parameters: staging.parameters + inStaging,
      gradients: staging.gradients + inStaging,
      firstMoments: staging.firstMoments + inStaging,
      secondMoments: staging.secondMoments + inStaging,
    };
    kernels.adamw({ ...staged, count }, { ...step, weightDecay: spec.optimizer.weightDecay });
    const inMoments = 4 * (moments.position + slot * moments.stride);
    copy(staged.parameters, byteOffsets.parameters + 4 * (position + slot * size + stepped.first));
    copy(staged.firstMoments, byteOffsets.firstMoments + inMoments);
    copy(staged.secondMoments, byteOffsets.secondMoments + inMoments);
  }
  openSlotToExpert(state, layer).set(next);
}
