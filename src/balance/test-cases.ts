import fc from 'fast-check';
import type { LayerProblem } from './layer-state.js';
import type { ExpertLoads } from './loads.js';
import { createMachine, type Machine } from './machine.js';
import { createWindowedState, type WindowedState } from './windowed-state.js';

/** Loads of one layer's experts: none, equal, nearly equal, one that is hot, lognormal, large. */
function loadRows(experts: number): fc.Arbitrary<number[]> {
  const rows = (value: fc.Arbitrary<number>) => fc.array(value, { minLength: experts, maxLength: experts });
  return fc.oneof(
    fc.constant(new Array<number>(experts).fill(0)),
    fc.integer({ min: 1, max: 1000 }).map((load) => new Array<number>(experts).fill(load)),
    rows(fc.integer({ min: 0, max: 3 })),
    fc.tuple(fc.nat(experts - 1), rows(fc.integer({ min: 0, max: 9 }))).map(([hot, row]) => row.with(hot, 10_000)),
    rows(fc.double({ min: -4, max: 4, noNaN: true }).map((exponent) => 100 * Math.exp(exponent))),
    rows(fc.integer({ min: 0, max: 1_000_000 })),
  );
}

/** Loads of the given sizes. */
export function loadsOf(windows: number, layers: number, experts: number): fc.Arbitrary<ExpertLoads> {
  const rows = fc.array(loadRows(experts), { minLength: windows * layers, maxLength: windows * layers });
  return rows.map((list) => ({ windows, layers, experts, counts: Float64Array.from(list.flat()) }));
}

/** What is to be placed, and where. */
export interface PlaceCase {
  readonly loads: ExpertLoads;
  readonly machine: Machine;
  /** Divides the experts, and is a multiple of the nodes. */
  readonly groups: number;
}

/** GPUs that are all alike, on nodes that divide them. */
export function plainCases(mostWindows: number): fc.Arbitrary<PlaceCase> {
  return fc
    .record({
      nodes: fc.integer({ min: 1, max: 3 }),
      gpusPerNode: fc.integer({ min: 1, max: 4 }),
      groupsPerNode: fc.integer({ min: 1, max: 3 }),
      groupSize: fc.integer({ min: 1, max: 8 }),
      spare: fc.integer({ min: 0, max: 3 }),
      layers: fc.integer({ min: 1, max: 3 }),
      windows: fc.integer({ min: 1, max: mostWindows }),
    })
    .map((sizes) => ({ ...sizes, gpus: Math.min(8, sizes.nodes * sizes.gpusPerNode) }))
    .filter(({ gpus, nodes, groupsPerNode, groupSize }) => {
      return gpus % nodes === 0 && nodes * groupsPerNode * groupSize <= 24;
    })
    .chain(({ nodes, gpus, groupsPerNode, groupSize, spare, layers, windows }) => {
      const groups = nodes * groupsPerNode;
      const experts = groups * groupSize;
      const machine = createMachine({ gpus, nodes, slots: gpus * (Math.ceil(experts / gpus) + spare) });
      return loadsOf(windows, layers, experts).map((loads) => ({ loads, machine, groups }));
    });
}

/** GPUs with their own numbers of slots and speeds, of which some are left out. */
export function unevenCases(mostWindows: number): fc.Arbitrary<PlaceCase> {
  const gpu = fc.record({
    slots: fc.integer({ min: 0, max: 6 }),
    speed: fc.oneof(fc.constantFrom(0.5, 1, 1, 2), fc.double({ min: 0.3, max: 3, noNaN: true })),
    isExcluded: fc.boolean(),
  });
  return fc
    .record({
      gpus: fc.array(gpu, { minLength: 1, maxLength: 8 }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
      layers: fc.integer({ min: 1, max: 2 }),
      windows: fc.integer({ min: 1, max: mostWindows }),
    })
    .filter(({ gpus }) => gpus.some(({ slots, isExcluded }) => slots > 0 && !isExcluded))
    .chain(({ gpus, share, layers, windows }) => {
      const usable = gpus.reduce((sum, { slots, isExcluded }) => sum + (isExcluded ? 0 : slots), 0);
      const experts = Math.max(1, Math.min(24, Math.ceil(share * usable)));
      const machine = createMachine({
        gpus: gpus.length,
        slots: gpus.map(({ slots }) => slots),
        speeds: gpus.map(({ speed }) => speed),
        excludedGpus: [...gpus.keys()].filter((index) => gpus[index]!.isExcluded),
      });
      return loadsOf(windows, layers, experts).map((loads) => ({ loads, machine, groups: 1 }));
    });
}

/** A layer's problem: `slots` of each GPU, and `slowness` of all unless given. */
export function createProblem(
  load: readonly number[],
  slots: readonly number[],
  slowness: readonly number[] = slots.map(() => 1),
): LayerProblem {
  const slotStarts = new Int32Array(slots.length + 1);
  for (const [gpu, count] of slots.entries()) slotStarts[gpu + 1] = slotStarts[gpu]! + count;
  return {
    experts: load.length,
    gpus: slots.length,
    slots: slotStarts.at(-1)!,
    slotStarts,
    slowness: Float64Array.from(slowness),
    load: Float64Array.from(load),
  };
}

/** Problems of at most `most` experts, `gpus` GPUs and `slots` slots on each: all alike, or not. */
export function problems(
  most: { readonly experts: number; readonly gpus: number; readonly slots: number },
  kind: 'alike' | 'uneven',
): fc.Arbitrary<LayerProblem> {
  const gpus = fc.integer({ min: 1, max: most.gpus });
  const slotsByGpu = gpus.chain((count) => {
    if (kind === 'uneven')
      return fc.array(fc.integer({ min: 1, max: most.slots }), { minLength: count, maxLength: count });
    return fc.integer({ min: 1, max: most.slots }).map((slots) => new Array<number>(count).fill(slots));
  });
  return slotsByGpu.chain((slots) => {
    const room = slots.reduce((sum, count) => sum + count, 0);
    const slowness = fc.array(fc.constantFrom(0.5, 1, 2), { minLength: slots.length, maxLength: slots.length });
    return fc
      .tuple(fc.integer({ min: 1, max: Math.min(most.experts, room) }).chain(loadRows), slowness)
      .map(([load, times]) => createProblem(load, slots, kind === 'uneven' ? times : undefined));
  });
}

/** A random placement of a problem's experts, each at least once. */
export function placementsOf({ experts, slots }: LayerProblem): fc.Arbitrary<Int32Array> {
  const extra = fc.array(fc.nat(experts - 1), { minLength: slots - experts, maxLength: slots - experts });
  return extra
    .chain((more) => {
      const all = [...Array(experts).keys(), ...more];
      return fc.shuffledSubarray(all, { minLength: slots });
    })
    .map((list) => Int32Array.from(list));
}

/** All placements of a tiny problem with every expert in it; the array is reused. */
export function* enumeratePlacements({ experts, slots }: LayerProblem): Generator<Int32Array> {
  const expertOf = new Int32Array(slots);
  for (;;) {
    if (new Set(expertOf).size === experts) yield expertOf;
    let slot = slots - 1;
    while (slot >= 0 && expertOf[slot] === experts - 1) expertOf[slot--] = 0;
    if (slot < 0) return;
    expertOf[slot]! += 1;
  }
}

/** The times of the GPUs, worked out from nothing else. */
export function timesOf({ gpus, slotStarts, slowness, load }: LayerProblem, expertOf: Int32Array): number[] {
  return Array.from({ length: gpus }, (_, gpu) => {
    let time = 0;
    for (const expert of expertOf.subarray(slotStarts[gpu], slotStarts[gpu + 1]))
      time += (load[expert]! / expertOf.filter((other) => other === expert).length) * slowness[gpu]!;
    return time;
  });
}

/** How many slots hold an expert that an earlier slot of their GPU holds. */
export function duplicatesOf({ gpus, slotStarts }: LayerProblem | Machine, expertOf: Int32Array): number {
  let duplicates = 0;
  for (let gpu = 0; gpu < gpus; gpu++) {
    const held = [...expertOf.subarray(slotStarts[gpu], slotStarts[gpu + 1])].filter((expert) => expert >= 0);
    duplicates += held.length - new Set(held).size;
  }
  return duplicates;
}

/** Whether no GPU has more slots than there are experts, so that none needs to hold one twice. */
export function canSeparate({ experts, gpus, slotStarts }: LayerProblem): boolean {
  return Array.from({ length: gpus }, (_, gpu) => slotStarts[gpu + 1]! - slotStarts[gpu]!).every(
    (slots) => slots <= experts,
  );
}

/** The least largest time of all placements, and of those without duplicates (infinite where there is none). */
export function findOptimum(problem: LayerProblem): { readonly any: number; readonly withoutDuplicates: number } {
  let any = Number.POSITIVE_INFINITY;
  let withoutDuplicates = Number.POSITIVE_INFINITY;
  for (const expertOf of enumeratePlacements(problem)) {
    const largest = Math.max(...timesOf(problem, expertOf));
    any = Math.min(any, largest);
    if (largest < withoutDuplicates && duplicatesOf(problem, expertOf) === 0) withoutDuplicates = largest;
  }
  return { any, withoutDuplicates };
}

/** Random states of several windows. */
export const windowedStates: fc.Arbitrary<WindowedState> = fc
  .tuple(problems({ experts: 8, gpus: 5, slots: 4 }, 'uneven'), fc.integer({ min: 1, max: 3 }))
  .chain(([problem, windows]) => {
    return fc.record({
      problem: fc.constant(problem),
      windows: fc.constant(windows),
      load: fc.array(loadRows(windows), { minLength: problem.experts, maxLength: problem.experts }),
      objective: fc.constantFrom('mean' as const, 'worst' as const),
      expertOf: placementsOf(problem),
    });
  })
  .map(({ problem, windows, load, objective, expertOf }) =>
    createWindowedState(problem, { windows, load: Float64Array.from(load.flat()), objective }, expertOf),
  );

/** All orders of 0 to `size` - 1. */
export function listPermutations(size: number): number[][] {
  if (size === 0) return [[]];
  return listPermutations(size - 1).flatMap((order) =>
    Array.from({ length: size }, (_, place) => order.toSpliced(place, 0, size - 1)),
  );
}

/** Whether `a` is `b` but for the rounding of sums. */
export function isNear(a: number, b: number, scale = Math.max(Math.abs(a), Math.abs(b))): boolean {
  return Math.abs(a - b) <= 1e-9 * scale;
}
