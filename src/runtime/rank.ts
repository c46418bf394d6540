import type { Transport } from '../comm/index.js';
import { type Arena, createOnnxEngine, createOptimizerKernels, type Engine, type Kernel } from '../device/index.js';
import { type BuiltModel, createRouter } from '../model/index.js';
import type { TimelineEvent } from '../schedule/index.js';
import { type BindContext, bindStep, createLocate, type RankMemory } from './bind.js';
import { compileProgram } from './compile.js';
import {
  type BoundProgram,
  bindProgram,
  type CollectedScalar,
  type ExportedValue,
  now,
  runProgram,
} from './execute.js';
import { findNonFinite, type NonFinite } from './finite.js';
import { planMemory } from './memory-plan.js';
import type { RankProgram } from './program.js';
import { accountTime, executedActions, recordEvents, type TimeAccount } from './recorder.js';
import { buildRankModel, type RunSpec } from './spec.js';
import { layOutState, type StateLayout } from './state-layout.js';
import { createUpdate, initializeState } from './update.js';

/** What a rank says after a step. */
export interface StepReport {
  readonly scalars: readonly CollectedScalar[];
  /** Norm of the gradient over all ranks, before clipping. */
  readonly gradientNorm: number;
  readonly time: TimeAccount;
  readonly seconds: number;
  /** Tokens that each expert got, by layer. */
  readonly expertCounts: ReadonlyMap<number, readonly number[]>;
}

/** One rank's engine, memory and programs. Every method but `close` is called on all ranks at the same time. */
export interface Rank {
  readonly layout: StateLayout;
  /** Sets the parameters from the seed; a parameter's numbers depend on its name alone, not on the layout. */
  initialize(seed: number): void;
  /** Gradients of the batch; they stay in the state memory until `update` or `clearGradients`. */
  computeGradients(): StepReport;
  /** Clips, applies AdamW (`step` counts from 1) and moves the selection biases. Gives the seconds it took. */
  update(step: number, learningRate: number): number;
  clearGradients(): void;
  evaluate(): { readonly scalars: readonly CollectedScalar[]; readonly exports: ReadonlyMap<string, ExportedValue> };
  /** The first thing that is not finite in a forward of the batch or, if all is, in the gradients. */
  diagnose(): NonFinite | undefined;
  /** The last training step, in seconds since it started on this rank's clock. */
  timeline(origin: number): TimelineEvent[];
  executed(): string[];
  close(): void;
}

/** Builds a rank on the calling thread. Throws `WorkError` if the engine refuses a graph. */
export function createRank(spec: RunSpec, transport: Transport, arena: Arena): Rank {
  const { rank } = transport;
  const built = buildRankModel(spec, rank);
  const layout = layOutState(built.stages.values());
  const engine = createOnnxEngine({ threads: spec.computeThreads });
  const expertCounts = new Map<number, Float64Array>();
  const { training, evaluation, memory } = bindPrograms({
    spec,
    transport,
    arena,
    built,
    layout,
    engine,
    expertCounts,
  });
  const kernels = createOptimizerKernels(arena.memory);
  const update = createUpdate({ spec, transport, layout, kernels, state: arena.buffer, expertCounts });
  return {
    layout,
    initialize: (seed) => initializeState(arena.buffer, layout, spec, seed),
    computeGradients() {
      for (const counts of expertCounts.values()) counts.fill(0);
      const start = now();
      runProgram(training);
      const gradientNorm = update.reduce();
      const time = accountTime(training);
      const seconds = now() - start;
      return { scalars: training.scalars.slice(), gradientNorm, time, seconds, expertCounts: copyCounts(expertCounts) };
    },
    update(step, learningRate) {
      const start = now();
      update.apply(step, learningRate);
      return now() - start;
    },
    clearGradients: update.clearGradients,
    evaluate() {
      runProgram(evaluation);
      return { scalars: evaluation.scalars.slice(), exports: evaluation.exports };
    },
    diagnose: () => findNonFinite(evaluation, memory),
    timeline: (origin) => recordEvents(training, origin),
    executed: () => executedActions(training),
    close: () => engine.close(),
  };
}

function copyCounts(counts: ReadonlyMap<number, Float64Array>): Map<number, number[]> {
  return new Map([...counts].map(([layer, values]) => [layer, [...values]]));
}

interface BindPrograms {
  readonly spec: RunSpec;
  readonly transport: Transport;
  readonly arena: Arena;
  readonly built: BuiltModel;
  readonly layout: StateLayout;
  readonly engine: Engine;
  readonly expertCounts: Map<number, Float64Array>;
}

/** Compiles, plans and binds the training and the evaluation program; they share one activation memory, since they never run together. */
function bindPrograms(options: BindPrograms): { training: BoundProgram; evaluation: BoundProgram; memory: RankMemory } {
  const { spec, transport, arena, built, layout } = options;
  const { rank } = transport;
  const programs = [
    compileProgram({ schedule: spec.schedule, rank, stages: built.stages, overlap: spec.overlap }),
    compileProgram({
      schedule: spec.evaluation,
      rank,
      stages: built.stages,
      overlap: spec.overlap,
      exports: spec.exports,
    }),
  ];
  const plans = programs.map(planMemory);
  const activations = new SharedArrayBuffer(Math.max(...plans.map(({ bytes }) => bytes), 64));
  const memory: RankMemory = { state: arena.buffer, layout, activations, batch: spec.batchMemory };
  const kernels = compileLazily(options.engine, built);
  const route = createRoute(spec, options.expertCounts);
  const shared = { engine: options.engine, kernels, tensors: new Map(), bufferIds: new Map(), route };
  const [training, evaluation] = programs.map((program: RankProgram, index) => {
    const locate = createLocate(memory, program, plans[index]);
    const context: BindContext = { ...shared, locate, expertCalls: new Map() };
    const bindSegment: Parameters<typeof bindProgram>[0]['bindSegment'] = ({ chunk, segment }) =>
      segment.steps.flatMap((step) => bindStep(context, chunk, step) ?? []);
    return bindProgram({
      program,
      plan: plans[index],
      locate,
      transport,
      batchRows: spec.batchMemory.rows,
      bindSegment,
    });
  });
  return { training, evaluation, memory };
}

/** Kernels that are compiled when a step first needs them: a rank without the head does not compile it. */
function compileLazily(engine: Engine, { kernels }: BuiltModel): { get(name: string): Kernel | undefined } {
  const compiled = new Map<string, Kernel>();
  return {
    get(name) {
      const graph = kernels.get(name);
      if (graph === undefined || compiled.has(name)) return compiled.get(name);
      const kernel = engine.compile(graph);
      compiled.set(name, kernel);
      return kernel;
    },
  };
}

function createRoute({ model, batch }: RunSpec, expertCounts: Map<number, Float64Array>): BindContext['route'] {
  const route = createRouter({
    sequences: batch.sequences,
    tokens: batch.sequences * batch.sequenceLength,
    experts: model.nRoutedExperts,
    choices: model.numExpertsPerTok,
    groups: model.nGroup,
    chosenGroups: model.topkGroup,
  });
  return (layer, scores, bias, routing) => {
    route(scores, bias, routing);
    const counts = expertCounts.get(layer) ?? new Float64Array(model.nRoutedExperts);
    expertCounts.set(layer, counts);
    for (let expert = 0; expert < counts.length; expert++)
      counts[expert] += routing.expertOffsets[expert + 1] - routing.expertOffsets[expert];
  };
}
