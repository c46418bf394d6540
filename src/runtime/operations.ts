import { chunkOperation, gatherOperation, type Operation, type Place, type RowsOperation } from '../comm/index.js';
import type { Ref } from '../model/index.js';
import { countRanks, expertGroup, holders, type Layout } from './layout.js';
import type { MemoryPlan } from './memory-plan.js';
import { type Chunk, instanceName, type RankProgram } from './program.js';
import type { StateLayout } from './state-layout.js';

/** Numbers that are summed over the ranks that hold them, once their stages are done: the two operations that do it. */
export interface Summation {
  readonly stages: readonly number[];
  /** Whether all ranks that take part run the same program, so that it may start in the midst of it. */
  readonly isEarly: boolean;
  readonly sumParts: number;
  /** Absent where each rank goes on with its own part only. */
  readonly gatherParts?: number;
}

/** The operations of a rank's communication lane; what uses them knows them by position. */
export interface OperationPlan {
  readonly operations: readonly Operation[];
  /** Position of the first exchange of each program. */
  readonly firstExchange: readonly number[];
  readonly summations: readonly Summation[];
  /** Gathers the parameters that each rank stepped; empty if every rank steps all of its own. */
  readonly parameterGathers: readonly number[];
  readonly gather: number;
  readonly chunk: number;
}

export interface OperationOptions {
  readonly layout: Layout;
  readonly rank: number;
  readonly model: { readonly nRoutedExperts: number };
  readonly state: StateLayout;
  readonly shardsOptimizer: boolean;
  readonly programs: readonly { readonly program: RankProgram; readonly plan: MemoryPlan }[];
}

/** Lists what the communication lane of a rank can be asked for. */
export function planOperations(options: OperationOptions): OperationPlan {
  const operations: Operation[] = [];
  const add = (operation: Operation) => operations.push(operation) - 1;
  // Whoever shares an operation lists it at the same position: so the programs, which differ by pipeline rank, come last.
  const gather = add(gatherOperation(countRanks(options.layout)));
  const chunk = add(chunkOperation(countRanks(options.layout)));
  const { state, shardsOptimizer } = options;
  const spans = state.spans.filter(({ group }) => group.length > 1);
  const at = (byteOffset: number): Place => ({ buffer: 'state', byteOffset });
  const gradients: Summation[] = spans.map(({ stages, group, position, count }) => {
    const numbers = { group, place: at(state.byteOffsets.gradients + 4 * position), count };
    const sumParts = add({ kind: 'sumParts', ...numbers });
    const isEarly = runsOneProgram(options, group);
    return {
      stages,
      isEarly,
      sumParts,
      ...(!shardsOptimizer && { gatherParts: add({ kind: 'gatherParts', ...numbers }) }),
    };
  });
  const loads = describeLoads(options).map(({ stages, ...numbers }): Summation => {
    const isEarly = runsOneProgram(options, numbers.group);
    const sumParts = add({ kind: 'sumParts', ...numbers });
    return { stages, isEarly, sumParts, gatherParts: add({ kind: 'gatherParts', ...numbers }) };
  });
  const parameterGathers = shardsOptimizer
    ? spans.map(({ group, position, count }) =>
        add({ kind: 'gatherParts', group, place: at(state.byteOffsets.parameters + 4 * position), count }),
      )
    : [];
  const firstExchange = options.programs.map(({ program, plan }) => {
    const first = operations.length;
    operations.push(...describeExchanges(options, program, plan));
    return first;
  });
  return { operations, firstExchange, summations: [...gradients, ...loads], parameterGathers, gather, chunk };
}

function runsOneProgram({ layout, rank }: OperationOptions, group: readonly number[]): boolean {
  const program = expertGroup(layout, rank);
  return group.every((other) => program.includes(other));
}

/** The counts of all layers of a stage, which lie one after the other. */
function describeLoads({ layout, rank, state }: OperationOptions) {
  const group = holders(layout, rank, 'shared');
  if (group.length === 1) return [];
  const stageLists = [...new Set(state.loads.map(({ stages }) => stages))];
  return stageLists.map((stages) => {
    const loads = state.loads.filter((load) => load.stages === stages);
    const last = loads[loads.length - 1];
    const { byteOffset } = loads[0];
    const count = (last.byteOffset - byteOffset) / 4 + last.count;
    return { stages, group, place: { buffer: 'state' as const, byteOffset }, count };
  });
}

function describeExchanges(options: OperationOptions, program: RankProgram, plan: MemoryPlan): RowsOperation[] {
  const { layout, rank, model } = options;
  const place = (chunk: Chunk, { name }: Ref): Place => {
    const byteOffset = plan.offsets.get(instanceName(chunk, name));
    if (byteOffset === undefined) throw new Error(`value ${name} of stage ${chunk.stage} has no place`);
    return { buffer: 'activations', byteOffset };
  };
  return program.exchanges.map(({ chunk, exchange }) => ({
    kind: 'rows',
    group: expertGroup(layout, rank),
    direction: exchange.direction,
    exchangesCounts: exchange.exchangesCounts,
    experts: model.nRoutedExperts / layout.expert,
    tokenOffsets: place(chunk, exchange.tokenOffsets),
    counts: place(chunk, exchange.counts),
    expertOffsets: place(chunk, exchange.expertOffsets),
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
