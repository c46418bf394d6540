import type { ParameterSpec, StageProgram } from '../model/index.js';

/** Where one tensor lies, in floats from the start of each region that holds parameters. */
export interface StateTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly initializer: ParameterSpec['initializer'];
  readonly position: number;
  readonly count: number;
}

/**
 * A rank's state memory: parameters, gradients and both moments as regions of the same layout, then the buffers. Matrices come first, since only
 * they decay. Ranks with the same tensors have the same layout, whichever copy of a stage they hold.
 */
export interface StateLayout {
  readonly tensors: ReadonlyMap<string, StateTensor>;
  readonly buffers: ReadonlyMap<
    string,
    {
      readonly byteOffset: number;
      readonly shape: readonly number[];
      readonly initializer: ParameterSpec['initializer'];
    }
  >;
  /** Floats of a region, and of its first part that decays. */
  readonly count: number;
  readonly decayedCount: number;
  readonly byteOffsets: {
    readonly parameters: number;
    readonly gradients: number;
    readonly firstMoments: number;
    readonly secondMoments: number;
  };
  readonly bytes: number;
}

/** Floats of a cache line: tensors start on one. */
const ALIGNMENT = 16;

const sizeOf = (shape: readonly number[]): number => shape.reduce((product, dim) => product * dim, 1);
const align = (count: number): number => Math.ceil(count / ALIGNMENT) * ALIGNMENT;

/** Lays out the state of a rank that holds `stages`; a stage that it holds twice (both copies) counts once. */
export function layOutState(stages: Iterable<StageProgram>): StateLayout {
  const ordered = [...stages].sort((a, b) => a.layers.first - b.layers.first);
  const parameters = uniqueByName(ordered.flatMap((stage) => stage.parameters));
  const isMatrix = ({ shape }: ParameterSpec) => shape.length > 1;
  const tensors = new Map<string, StateTensor>();
  let count = 0;
  const place = (specs: readonly ParameterSpec[]) => {
    for (const spec of specs) {
      tensors.set(spec.name, { ...spec, position: count, count: sizeOf(spec.shape) });
      count += align(sizeOf(spec.shape));
    }
  };
  place(parameters.filter(isMatrix));
  const decayedCount = count;
  place(parameters.filter((spec) => !isMatrix(spec)));
  const region = 4 * count;
  const buffers = new Map<
    string,
    { byteOffset: number; shape: readonly number[]; initializer: ParameterSpec['initializer'] }
  >();
  let bytes = 4 * region;
  for (const { name, shape, initializer } of uniqueByName(ordered.flatMap((stage) => stage.buffers))) {
    buffers.set(name, { byteOffset: bytes, shape, initializer });
    bytes += 4 * align(sizeOf(shape));
  }
  const byteOffsets = { parameters: 0, gradients: region, firstMoments: 2 * region, secondMoments: 3 * region };
  return { tensors, buffers, count, decayedCount, byteOffsets, bytes };
}

function uniqueByName(specs: readonly ParameterSpec[]): ParameterSpec[] {
  return [...new Map(specs.map((spec) => [spec.name, spec])).values()];
}
