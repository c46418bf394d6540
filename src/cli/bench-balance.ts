import {
  createMachine,
  type ExpertLoads,
  measureBalancedness,
  measureEvenLoads,
  measureGpuLoads,
  type PlacementPolicy,
  placeExperts,
  rebalanceExperts,
} from '../balance/index.js';
import { createRandom } from '../base/index.js';
import { measureSpread, type Spread } from '../train/index.js';
import { formatTable } from './table.js';

interface Shape {
  readonly layers: number;
  readonly experts: number;
  readonly slots: number;
  readonly gpus: number;
}

/** DeepSeek-V3's layers and experts, with ten times as many layers twice to show that time grows with them; and a larger model's. */
const shapes: readonly Shape[] = [
  { layers: 58, experts: 256, slots: 320, gpus: 64 },
  { layers: 580, experts: 256, slots: 320, gpus: 64 },
  { layers: 5800, experts: 256, slots: 320, gpus: 64 },
  { layers: 61, experts: 384, slots: 448, gpus: 64 },
];

interface Candidate {
  readonly policy: PlacementPolicy;
  /** Places all layers: `[layers, slots]`. */
  readonly place: () => Int32Array;
  readonly measure: (physicalToLogical: Int32Array) => number;
}

/** Times both policies on lognormal loads (sigma 1), shape by shape, the policies alternating, after a round that warms up. */
export function benchBalance({ repeats, json }: { readonly repeats: number; readonly json?: boolean }): void {
  const cases = shapes.flatMap((shape) => {
    process.stderr.write(`${shape.layers} layers of ${shape.experts} experts ...\n`);
    return benchShape(shape, repeats);
  });
  process.stdout.write(json === true ? `${JSON.stringify({ cases })}\n` : formatCases(cases));
}

function benchShape(shape: Shape, repeats: number): Case[] {
  const candidates = createCandidates(shape);
  const balancedness = candidates.map(({ place, measure }) => measure(place()));
  const times: number[][] = candidates.map(() => []);
  for (let round = 0; round < repeats; round++) {
    for (const [index, { place }] of candidates.entries()) {
      const start = performance.now();
      place();
      times[index]!.push(performance.now() - start);
    }
  }
  return candidates.map(({ policy }, index) => ({
    ...shape,
    policy,
    milliseconds: measureSpread(times[index]!),
    balancedness: balancedness[index]!,
  }));
}

function createCandidates(shape: Shape): Candidate[] {
  const { layers, experts, slots, gpus } = shape;
  const loads = lognormalLoads(shape);
  const machine = createMachine({ gpus, slots });
  const even = measureEvenLoads(loads, machine);
  const measure = (physicalToLogical: Int32Array): number => {
    const gpuLoads = measureGpuLoads({ layers, experts, slots, physicalToLogical }, loads, machine);
    return measureBalancedness(gpuLoads, even, { windows: 1, gpus }).ratioOfSums;
  };
  // As integers in float32, which is what the reference makes of recorded counts.
  const weight = Float32Array.from(loads.counts);
  return [
    {
      policy: 'deepseek',
      measure,
      place: () => rebalanceExperts(weight, { ...shape, groups: 1, nodes: 1 }).physicalToLogical,
    },
    { policy: 'best', measure, place: () => placeExperts(loads, machine).placement.physicalToLogical },
  ];
}

function lognormalLoads({ layers, experts }: Shape): ExpertLoads {
  const random = createRandom(0, 'bench balance', layers, experts);
  const counts = Float64Array.from({ length: layers * experts }, () => Math.round(1000 * Math.exp(random.normal())));
  return { windows: 1, layers, experts, counts };
}

interface Case extends Shape {
  readonly policy: PlacementPolicy;
  readonly milliseconds: Spread;
  readonly balancedness: number;
}

function formatCases(cases: readonly Case[]): string {
  const header = ['layers', 'experts', 'slots', 'GPUs', 'policy', 'milliseconds', 'ms a layer', 'balancedness'];
  const rows = cases.map(
    ({ layers, experts, slots, gpus, policy, milliseconds: { median, min, max }, balancedness }) => [
      ...[layers, experts, slots, gpus].map(String),
      policy,
      `${median.toFixed(2)} [${min.toFixed(2)}..${max.toFixed(2)}]`,
      (median / layers).toFixed(3),
      balancedness.toFixed(4),
    ],
  );
  return `Lognormal loads, sigma 1; one thread.\n\n${formatTable([header, ...rows])}`;
}
