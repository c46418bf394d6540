import {
  chunkOperation,
  gatherOperation,
  type MovesOperation,
  type Operation,
  type Place,
  type RowsOperation,
  type SlotArea,
} from '../comm/index.js';
import type { Ref } from '../model/index.js';
import { countRanks, expertGroup, holders, slotsOfRank } from './layout.js';
import type { MemoryPlan } from './memory-plan.js';
import { type Chunk, instanceName, type RankProgram } from './program.js';
import type { RunSpec } from './spec.js';
import type { LayerSlots, StagingLayout, StateLayout, StateSpan } from './state-layout.js';

/** Numbers that are summed over the ranks that hold them, once their stages are done. */
export interface Summation {
  readonly stages: readonly number[];
  /** Whether all ranks that take part run the same program, so that it may start in the midst of it. */
  readonly isEarly: boolean;
  /** What does it, in this order; without a gathering where each rank goes on with its own part only. */
  readonly operations: readonly number[];
}

/** What brings the experts of a layer to other slots. */
interface LayerMoves {
  readonly layer: number;
  /** For each of a rank's slots, from 0: parameters and moments of what comes into it, on all ranks. */
  readonly pieces: readonly number[];
  /** The gradients of all. */
  readonly gradients: number;
}

/** The operations of a rank's communication lane; what uses them knows them by position. */
export interface OperationPlan {
  readonly operations: readonly Operation[];
  /** Position of the first exchange of each program. */
  readonly firstExchange: readonly number[];
  readonly summations: readonly Summation[];
  /** Gathers the parameters that each rank stepped; empty if every rank steps all of its own. */
  readonly parameterGathers: readonly number[];
  /** Of the rank's layers; empty in a run in which experts do not move. */
  readonly moves: readonly LayerMoves[];
  readonly gather: number;
  readonly chunk: number;
}

export interface OperationOptions {
  readonly spec: RunSpec;
  readonly rank: number;
  readonly state: StateLayout;
  readonly programs: readonly { readonly program: RankProgram; readonly plan: MemoryPlan }[];
}

/** Lists what the communication lane of a rank can be asked for. */
export function planOperations(options: OperationOptions): OperationPlan {
  const operations: Operation[] = [];
  const add: Add = (operation) => operations.push(operation) - 1;
  // Whoever shares an operation lists it at the same position: so the programs, which differ by pipeline rank, come last.
  const gather = add(gatherOperation(countRanks(options.spec)));
  const chunk = add(chunkOperation(countRanks(options.spec)));
  // What is tied comes first of all, as the ranks that share it differ in all that follows.
  const tied = sumGradients(options, add, 'tied');
  const tiedGathers = gatherParameters(options, add, 'tied');
  // Replicas before the others: DualPipe's copies of an expert then sum what all of its replicas have.
  const others = [...sumReplicas(options, add), ...sumGradients(options, add, 'own'), ...sumLoads(options, add)];
  const summations = [...tied, ...others];
  const parameterGathers = [...tiedGathers, ...gatherParameters(options, add, 'own')];
  const moves = moveExperts(options, add);
  const firstExchange = options.programs.map(({ program, plan }) => {
    const first = operations.length;
    operations.push(...describeExchanges(options, program, plan));
    return first;
  });
  return { operations, firstExchange, summations, parameterGathers, moves, gather, chunk };
}

/** Lists an operation; gives its position. */
type Add = (operation: Operation) => number;

const inState = (byteOffset: number): Place => ({ buffer: 'state', byteOffset });

/** The replicas of each layer's experts, which its expert ranks hold; none where every expert is in one slot. */
function sumReplicas({ spec, rank, state }: OperationOptions, add: Add): Summation[] {
  const { model, placement } = spec;
  if (placement.slots === model.nRoutedExperts) return [];
  return state.slots.map(({ stages, count: slots, position, size, slotToExpert }) => {
    const common = {
      group: expertGroup(spec, rank),
      slots,
      slotToExpert: inState(slotToExpert.byteOffset),
      place: inState(state.byteOffsets.gradients + 4 * position),
      count: size,
    };
    const operations = [add({ kind: 'sumReplicas', ...common }), add({ kind: 'gatherReplicas', ...common })];
    return { stages, isEarly: true, operations };
  });
}

function sumGradients(options: OperationOptions, add: Add, which: 'tied' | 'own'): Summation[] {
  const { spec, state } = options;
  return sharedSpans(state, which).map(({ stages, group, position, count }) => {
    const numbers = { group, place: inState(state.byteOffsets.gradients + 4 * position), count };
    const sum = add({ kind: 'sumParts', ...numbers });
    const isEarly = runsOneProgram(options, group);
    return {
      stages,
      isEarly,
      operations: spec.shardsOptimizer ? [sum] : [sum, add({ kind: 'gatherParts', ...numbers })],
    };
  });
}

/** What other ranks hold too: the tied embedding, or what is of this rank's own stages. */
function sharedSpans({ spans }: StateLayout, which: 'tied' | 'own'): StateSpan[] {
  return spans.filter(({ group, kind }) => group.length > 1 && (kind === 'tied') === (which === 'tied'));
}

/** The counts of all layers of a stage, which lie one after the other. */
function sumLoads(options: OperationOptions, add: Add): Summation[] {
  const { spec, rank, state } = options;
  const group = holders(spec, rank, 'shared');
  if (group.length === 1) return [];
  const stageLists = [...new Set(state.loads.map(({ stages }) => stages))];
  return stageLists.map((stages) => {
    const loads = state.loads.filter((load) => load.stages === stages);
    const last = loads[loads.length - 1];
    const { byteOffset } = loads[0];
    const count = (last.byteOffset - byteOffset) / 4 + last.count;
    const numbers = { group, place: inState(byteOffset), count };
    const operations = [add({ kind: 'sumParts', ...numbers }), add({ kind: 'gatherParts', ...numbers })];
    return { stages, isEarly: runsOneProgram(options, group), operations };
  });
}

function gatherParameters({ spec, state }: OperationOptions, add: Add, which: 'tied' | 'own'): number[] {
  if (!spec.shardsOptimizer) return [];
  return sharedSpans(state, which).map(({ group, position, count }) =>
    add({ kind: 'gatherParts', group, place: inState(state.byteOffsets.parameters + 4 * position), count }),
  );
}

function moveExperts({ spec, rank, state }: OperationOptions, add: Add): LayerMoves[] {
  const { staging } = state;
  if (staging === undefined) return [];
  return state.slots.map((layer) => {
    const { parameters, gradients, firstMoments, secondMoments } = listSlotAreas(state, staging, layer);
    const common = {
      kind: 'moveSlots',
      group: expertGroup(spec, rank),
      slots: layer.count,
      slotToExpert: inState(layer.slotToExpert.byteOffset),
      nextSlotToExpert: inState(staging.slotToExpert),
    } satisfies Partial<MovesOperation>;
    const lasting = [parameters, firstMoments, secondMoments];
    return {
      layer: layer.layer,
      pieces: Array.from({ length: layer.count }, (_, slot) =>
        add({ ...common, into: { first: slot, end: slot + 1 }, areas: lasting }),
      ),
      gradients: add({ ...common, into: { first: 0, end: layer.count }, areas: [gradients] }),
    };
  });
}

/** What belongs to a slot of a layer and is stepped on this rank, region by region. */
function listSlotAreas({ byteOffsets }: StateLayout, staging: StagingLayout, layer: LayerSlots) {
  const { stepped, moments, position, size } = layer;
  const area = (region: Exclude<keyof StagingLayout, 'slotToExpert'>, start: number, stride: number): SlotArea => ({
    from: inState(byteOffsets[region] + 4 * start),
    to: inState(staging[region]),
    count: stepped.end - stepped.first,
    stride,
    stagingStride: moments.stride,
  });
  return {
    parameters: area('parameters', position + stepped.first, size),
    gradients: area('gradients', position + stepped.first, size),
    firstMoments: area('firstMoments', moments.position, moments.stride),
    secondMoments: area('secondMoments', moments.position, moments.stride),
  };
}

function runsOneProgram({ spec, rank }: OperationOptions, group: readonly number[]): boolean {
  const program = expertGroup(spec, rank);
  return group.every((other) => program.includes(other));
}

function describeExchanges(options: OperationOptions, program: RankProgram, plan: MemoryPlan): RowsOperation[] {
  const { spec, rank } = options;
  const place = (chunk: Chunk, { name }: Ref): Place => {
    const byteOffset = plan.offsets.get(instanceName(chunk, name));
    if (byteOffset === undefined) throw new Error(`value ${name} of stage ${chunk.stage} has no place`);
    return { buffer: 'activations', byteOffset };
  };
  return program.exchanges.map(({ chunk, exchange }) => ({
    kind: 'rows',
    group: expertGroup(spec, rank),
    direction: exchange.direction,
    exchangesCounts: exchange.exchangesCounts,
    slots: slotsOfRank(spec),
    tokenOffsets: place(chunk, exchange.tokenOffsets),
    counts: place(chunk, exchange.counts),
    slotOffsets: place(chunk, exchange.slotOffsets),
    tensors: exchange.tensors.map(({ tokenSide, expertSide }) => ({
      tokenSide: place(chunk, tokenSide),
      expertSide: place(chunk, expertSide),
      rowBytes: rowBytes(program, tokenSide),
    })),
  }));
}

function rowBytes({ values }: RankProgram, { name }: Ref): number {
  const spec = values.get(name);
  if (spec === undefined) throw new Error(`value ${name} has no shape`);
  return 4 * spec.shape.slice(1).reduce((product, dim) => product * dim, 1);
}
