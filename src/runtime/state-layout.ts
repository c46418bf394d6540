import { partBounds } from '../comm/index.js';
import type { ParameterSpec, StageProgram } from '../model/index.js';
import { holders, type Layout, locateRank, slotsOfRank } from './layout.js';

/** Where one tensor lies, in floats from the start of each region that holds parameters. */
export interface StateTensor {
  /** Of a rank's tensors no two have the same; what lies in a slot is named by it (see `listTensors`). */
  readonly name: string;
  readonly slot?: NonNullable<ParameterSpec['slot']>;
  readonly shape: readonly number[];
  readonly initializer: ParameterSpec['initializer'];
  readonly position: number;
  readonly count: number;
}

/** Tensors that follow one another and are held by the same ranks: what is summed, and stepped by the optimizer, at once. */
export interface StateSpan {
  /** Stages of this rank that add to its gradients. */
  readonly stages: readonly number[];
  /** Whether the optimizer's weight decay applies. */
  readonly decays: boolean;
  /** Floats from the start of a region. */
  readonly position: number;
  readonly count: number;
  /** Ranks that hold it, ascending. Each of them owns one part: counts it for the norm and, with a sharded optimizer, steps it. */
  readonly group: readonly number[];
  readonly owned: { readonly first: number; readonly end: number };
  /** Where the moments of `moments` begin in the regions of moments: of the owned part, or of all. */
  readonly momentPosition: number;
  readonly moments: { readonly first: number; readonly end: number };
}

/** How many tokens chose each expert of a layer, in the step under way: float32 `[experts]`. */
interface LoadCounts {
  readonly layer: number;
  readonly stages: readonly number[];
  readonly byteOffset: number;
  readonly count: number;
}

/** The expert slots of a layer: those of this rank, and which expert is in each. */
export interface LayerSlots {
  readonly layer: number;
  readonly stages: readonly number[];
  /** This rank's slots, of those of all ranks. */
  readonly first: number;
  readonly count: number;
  /** Floats from the start of a region to the first one's numbers, and floats of each: they follow one another. */
  readonly position: number;
  readonly size: number;
  /** int32 `[slots of all ranks]`: the placement, by which tokens find experts, replicas each other and tensors their names. */
  readonly slotToExpert: { readonly byteOffset: number; readonly count: number };
}

/**
 * A rank's state memory: parameters and gradients as regions of the same layout, both moments as regions of their own, then buffers, counts and placements.
 * Ranks with the same tensors have the same layout, whichever copy of a stage they hold.
 */
export interface StateLayout {
  readonly tensors: ReadonlyMap<string, StateTensor>;
  readonly spans: readonly StateSpan[];
  readonly buffers: ReadonlyMap<
    string,
    {
      readonly byteOffset: number;
      readonly shape: readonly number[];
      readonly initializer: ParameterSpec['initializer'];
    }
  >;
  readonly loads: readonly LoadCounts[];
  readonly slots: readonly LayerSlots[];
  /** Floats of the regions of parameters and gradients. */
  readonly count: number;
  readonly byteOffsets: {
    readonly parameters: number;
    readonly gradients: number;
    readonly firstMoments: number;
    readonly secondMoments: number;
  };
  readonly bytes: number;
}

/** What the layout of the state depends on. */
interface StateOptions extends Layout {
  readonly model: { readonly nRoutedExperts: number };
  readonly placement: { readonly slots: number };
  /** Each rank keeps only the moments of the parts that it owns. */
  readonly shardsOptimizer: boolean;
}

/** Floats of a cache line: tensors start on one. */
const ALIGNMENT = 16;

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);
const align = (count: number): number => Math.ceil(count / ALIGNMENT) * ALIGNMENT;
const isMatrix = ({ shape }: ParameterSpec) => shape.length > 1;

/** Lays out the state of a rank that runs `stages`, by number; a stage of which it holds both copies counts once. */
export function layOutState(
  options: StateOptions,
  rank: number,
  programs: ReadonlyMap<number, StageProgram>,
): StateLayout {
  const tensors = new Map<string, StateTensor>();
  const spans: StateSpan[] = [];
  let count = 0;
  let moments = 0;
  const stages = groupByLayers(programs);
  for (const { numbers, program } of stages) {
    for (const { specs, kind, decays } of cutParameters(program.parameters)) {
      const position = count;
      for (const spec of specs) {
        const { name, shape, initializer, slot } = spec;
        const tensor = { name, shape, initializer, position: count, count: sizeOf(shape) };
        tensors.set(name, slot === undefined ? tensor : { ...tensor, slot });
        count += align(sizeOf(shape));
      }
      const span = describeSpan(options, rank, kind, {
        stages: numbers,
        decays,
        position,
        count: count - position,
        momentPosition: moments,
      });
      moments += align(span.moments.end - span.moments.first);
      spans.push(span);
    }
  }
  const firstMoments = 8 * count;
  const secondMoments = firstMoments + 4 * moments;
  const { bytes: start, ...rest } = placeBuffers(stages, options.model.nRoutedExperts, secondMoments + 4 * moments);
  const { slots, bytes } = placeSlots(options, rank, stages, tensors, start);
  const byteOffsets = { parameters: 0, gradients: 4 * count, firstMoments, secondMoments };
  return { tensors, spans, count, byteOffsets, ...rest, slots, bytes };
}

interface DistinctStage {
  readonly numbers: readonly number[];
  readonly program: StageProgram;
}

function groupByLayers(stages: ReadonlyMap<number, StageProgram>): DistinctStage[] {
  const found = new Map<number, { numbers: number[]; program: StageProgram }>();
  for (const [number, program] of stages) {
    const known = found.get(program.layers.first);
    if (known === undefined) found.set(program.layers.first, { numbers: [number], program });
    else known.numbers.push(number);
  }
  return [...found.values()].sort((a, b) => a.program.layers.first - b.program.layers.first);
}

/** The parameters of a stage by who holds them and whether they decay; matrices do. */
function cutParameters(parameters: readonly ParameterSpec[]) {
  const isExpert = ({ slot }: ParameterSpec) => slot !== undefined;
  const shared = parameters.filter((spec) => !isExpert(spec));
  const kinds = [
    { kind: 'shared', decays: true, specs: shared.filter(isMatrix) },
    { kind: 'shared', decays: false, specs: shared.filter((spec) => !isMatrix(spec)) },
    { kind: 'expert', decays: true, specs: parameters.filter(isExpert) },
  ] as const;
  return kinds.filter(({ specs }) => specs.length > 0);
}

function describeSpan(
  options: StateOptions,
  rank: number,
  kind: 'shared' | 'expert',
  span: Omit<StateSpan, 'group' | 'owned' | 'moments'>,
): StateSpan {
  const group = holders(options, rank, kind);
  const owned = partBounds(span.count, group.length, group.indexOf(rank));
  const moments = options.shardsOptimizer ? owned : { first: 0, end: span.count };
  return { ...span, group, owned, moments };
}

function placeBuffers(stages: readonly DistinctStage[], experts: number, start: number) {
  const buffers = new Map<
    string,
    { byteOffset: number; shape: readonly number[]; initializer: ParameterSpec['initializer'] }
  >();
  const loads: LoadCounts[] = [];
  let bytes = start;
  const place = (count: number): number => {
    const byteOffset = bytes;
    bytes += 4 * align(count);
    return byteOffset;
  };
  for (const { numbers, program } of stages) {
    for (const { name, shape, initializer } of program.buffers)
      if (!buffers.has(name)) buffers.set(name, { byteOffset: place(sizeOf(shape)), shape, initializer });
    for (const layer of program.moeLayers)
      loads.push({ layer, stages: numbers, byteOffset: place(experts), count: experts });
  }
  return { buffers, loads, bytes };
}

function placeSlots(
  options: StateOptions,
  rank: number,
  stages: readonly DistinctStage[],
  tensors: ReadonlyMap<string, StateTensor>,
  start: number,
): { slots: LayerSlots[]; bytes: number } {
  const count = slotsOfRank(options);
  const first = locateRank(options, rank).expertRank * count;
  let bytes = start;
  const layers = stages.flatMap(({ numbers, program }) => program.moeLayers.map((layer) => ({ layer, numbers })));
  const slots = layers.map(({ layer, numbers }): LayerSlots => {
    const byteOffset = bytes;
    bytes += 4 * align(options.placement.slots);
    const held = [...tensors.values()].filter(({ slot }) => slot?.layer === layer);
    const size = held.filter(({ slot }) => slot?.index === first).reduce((sum, tensor) => sum + align(tensor.count), 0);
    const slotToExpert = { byteOffset, count: options.placement.slots };
    return { layer, stages: numbers, first, count, position: held[0].position, size, slotToExpert };
  });
  return { slots, bytes };
}

/** A stretch of a tensor whose moments a rank keeps. */
export interface MomentPiece {
  /** Of the tensor in `StateLayout`. */
  readonly name: string;
  /** Floats from the start of the tensor. */
  readonly from: number;
  readonly count: number;
  /** Floats from the start of each region of moments. */
  readonly position: number;
}

/** Which moments of which tensors lie where in a rank's state. */
export function listMomentPieces({ tensors, spans }: StateLayout): MomentPiece[] {
  return [...tensors.values()].flatMap(({ name, position, count }) => {
    const span = spans.find((one) => position >= one.position && position < one.position + one.count);
    if (span === undefined) throw new Error(`tensor ${name} lies in no span`);
    const start = position - span.position;
    const first = Math.max(start, span.moments.first);
    const end = Math.min(start + count, span.moments.end);
    if (first >= end) return [];
    return [
      { name, from: first - start, count: end - first, position: span.momentPosition + first - span.moments.first },
    ];
  });
}
