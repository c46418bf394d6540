import { partBounds } from '../comm/index.js';
import type { ParameterSpec, StageProgram } from '../model/index.js';
import { type HeldKind, holders, type Layout, locateRank, slotsOfRank } from './layout.js';

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
  readonly kind: HeldKind;
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
  /** What the optimizer steps of a slot on this rank: numbers first to end of the slot's. */
  readonly stepped: { readonly first: number; readonly end: number };
  /** Floats from the start of a region of moments to those of the first slot's stepped numbers, and from one slot's to the next one's. */
  readonly moments: { readonly position: number; readonly stride: number };
  /** int32 `[slots of all ranks]`: the placement, by which tokens find experts, replicas each other and tensors their names. */
  readonly slotToExpert: { readonly byteOffset: number; readonly count: number };
}

/** Where the numbers of experts that come into slots of one layer wait until the layer switches: byte offsets of four regions of the same layout. */
export interface StagingLayout {
  readonly parameters: number;
  readonly gradients: number;
  readonly firstMoments: number;
  readonly secondMoments: number;
  /** int32 `[slots of all ranks]`: the placement to which the layer switches. */
  readonly slotToExpert: number;
}

/**
 * A rank's state memory: parameters and gradients as regions of the same layout, both moments as regions of their own, then buffers, counts and placements, and last what
 * is only alive within a step.
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
    /** The end of what lasts from step to step, but for the gradients. */
    readonly lastingEnd: number;
  };
  /** Of a run in which experts move. */
  readonly staging: StagingLayout | undefined;
  readonly bytes: number;
}

/** What the layout of the state depends on. */
interface StateOptions extends Layout {
  readonly model: { readonly nRoutedExperts: number };
  readonly placement: { readonly slots: number };
  /** Each rank keeps only the moments of the parts that it owns. */
  readonly shardsOptimizer: boolean;
  readonly movesExperts: boolean;
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
  for (const { numbers, specs, kind, decays } of cutStages(options, rank, stages)) {
    const position = count;
    for (const spec of specs) {
      const { name, shape, initializer, slot } = spec;
      const tensor = { name, shape, initializer, position: count, count: sizeOf(shape) };
      tensors.set(name, slot === undefined ? tensor : { ...tensor, slot });
      count += align(sizeOf(shape));
    }
    const span = describeSpan(options, rank, {
      kind,
      stages: numbers,
      decays,
      position,
      count: count - position,
      momentPosition: moments,
    });
    moments += align(span.moments.end - span.moments.first);
    spans.push(span);
  }
  const firstMoments = 8 * count;
  const secondMoments = firstMoments + 4 * moments;
  const { bytes: start, ...rest } = placeBuffers(stages, options.model.nRoutedExperts, secondMoments + 4 * moments);
  const { slots, bytes: lastingEnd } = placeSlots({ options, rank, stages, tensors, spans }, start);
  const byteOffsets = { parameters: 0, gradients: 4 * count, firstMoments, secondMoments, lastingEnd };
  return { tensors, spans, count, byteOffsets, ...rest, slots, ...placeStaging(options, slots, lastingEnd) };
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

/** Parameters that follow one another, and the stages of the rank that add to their gradients. */
interface ParameterCut {
  readonly numbers: readonly number[];
  readonly kind: HeldKind;
  readonly decays: boolean;
  readonly specs: readonly ParameterSpec[];
}

/** The parameters of all stages of a rank: first what two of them may have in common, once. */
function cutStages(options: StateOptions, rank: number, stages: readonly DistinctStage[]): ParameterCut[] {
  const tied = stages.filter(({ program }) => program.parameters.some(({ isTied }) => isTied));
  const specs = tied.slice(0, 1).flatMap(({ program }) => program.parameters.filter(({ isTied }) => isTied));
  const common: ParameterCut = { numbers: tied.flatMap(({ numbers }) => numbers), kind: 'tied', decays: true, specs };
  const own = stages.flatMap(({ numbers, program }) =>
    cutParameters(options, rank, program.parameters).map((cut) => ({ numbers, ...cut })),
  );
  return specs.length === 0 ? own : [common, ...own];
}

/**
 * The parameters of a stage by who holds them and whether they decay; matrices do. Where ranks share the moments of experts every slot is cut alike, so that
 * what belongs to a slot can move to another one.
 */
function cutParameters(options: StateOptions, rank: number, parameters: readonly ParameterSpec[]) {
  const isExpert = ({ slot }: ParameterSpec) => slot !== undefined;
  const shared = parameters.filter((spec) => !isExpert(spec) && spec.isTied !== true);
  const experts = parameters.filter(isExpert);
  const isShared = options.shardsOptimizer && holders(options, rank, 'expert').length > 1;
  const kinds = [
    { kind: 'shared', decays: true, specs: shared.filter(isMatrix) },
    { kind: 'shared', decays: false, specs: shared.filter((spec) => !isMatrix(spec)) },
    ...(isShared ? cutBySlot(experts) : [experts]).map((specs) => ({ kind: 'expert', decays: true, specs }) as const),
  ] as const;
  return kinds.filter(({ specs }) => specs.length > 0);
}

function cutBySlot(experts: readonly ParameterSpec[]): ParameterSpec[][] {
  const slots = new Map<string, ParameterSpec[]>();
  for (const spec of experts) {
    const key = `${spec.slot?.layer}/${spec.slot?.index}`;
    slots.set(key, [...(slots.get(key) ?? []), spec]);
  }
  return [...slots.values()];
}

function describeSpan(
  options: StateOptions,
  rank: number,
  span: Omit<StateSpan, 'group' | 'owned' | 'moments'>,
): StateSpan {
  const group = holders(options, rank, span.kind);
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

interface SlotContext {
  readonly options: StateOptions;
  readonly rank: number;
  readonly stages: readonly DistinctStage[];
  readonly tensors: ReadonlyMap<string, StateTensor>;
  readonly spans: readonly StateSpan[];
}

function placeSlots(
  { options, rank, stages, tensors, spans }: SlotContext,
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
    const { position } = held[0];
    return {
      layer,
      stages: numbers,
      first,
      count,
      position,
      size,
      ...locateMoments(spans, position, size),
      slotToExpert,
    };
  });
  return { slots, bytes };
}

/** What is stepped of each slot of a layer whose slots begin at `position`: all of it, or the part that this rank owns where each slot is a span. */
function locateMoments(spans: readonly StateSpan[], position: number, size: number) {
  const span = findSpan(spans, position);
  const { momentPosition, moments } = span;
  const isWhole = moments.first === 0 && moments.end === span.count;
  const stepped = isWhole ? { first: 0, end: size } : moments;
  const start = isWhole ? momentPosition + position - span.position : momentPosition;
  return { stepped, moments: { position: start, stride: align(stepped.end - stepped.first) } };
}

function findSpan(spans: readonly StateSpan[], position: number): StateSpan {
  const span = spans.find((one) => position >= one.position && position < one.position + one.count);
  if (span === undefined) throw new Error(`position ${position} lies in no span`);
  return span;
}

/** Room for all of a rank's slots of one layer: no more than one is under way at a time. */
function placeStaging(options: StateOptions, slots: readonly LayerSlots[], start: number) {
  if (!options.movesExperts || slots.length === 0) return { staging: undefined, bytes: start };
  const region = 4 * Math.max(...slots.map(({ count, moments }) => count * moments.stride));
  const [parameters, gradients, firstMoments, secondMoments, slotToExpert] = [0, 1, 2, 3, 4].map(
    (index) => start + index * region,
  );
  return {
    staging: { parameters, gradients, firstMoments, secondMoments, slotToExpert },
    bytes: slotToExpert + 4 * align(options.placement.slots),
  };
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
    const span = findSpan(spans, position);
    const start = position - span.position;
    const first = Math.max(start, span.moments.first);
    const end = Math.min(start + count, span.moments.end);
    if (first >= end) return [];
    return [
      { name, from: first - start, count: end - first, position: span.momentPosition + first - span.moments.first },
    ];
  });
}
