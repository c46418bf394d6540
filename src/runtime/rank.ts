import {
  type Control,
  createGather,
  createLaneMemory,
  createShare,
  type LaneMemory,
  type MailMemory,
  now,
  openTransport,
  type Share,
  type SharedRank,
  type Transport,
  valuesBytes,
} from '../comm/index.js';
import { type Arena, createOnnxEngine, createOptimizerKernels, type Engine, type Kernel } from '../device/index.js';
import type { BuiltModel } from '../model/index.js';
import type { TimelineEvent } from '../schedule/index.js';
import type { MeasuredRank } from '../simulate/index.js';
import { type BindContext, bindStep, createLocate, type RankMemory } from './bind.js';
import { compileProgram } from './compile.js';
import { type BoundProgram, bindProgram, type CollectedScalar, type ExportedValue, runProgram } from './execute.js';
import { findNonFinite, type NonFinite } from './finite.js';
import { countRanks, locateRank } from './layout.js';
import { measureProgram } from './measure.js';
import { type MemoryPlan, planMemory } from './memory-plan.js';
import { createMigration, type LayerSwitch, type Migration, type MigrationReport } from './migration.js';
import { findNodes } from './nodes.js';
import { planOperations } from './operations.js';
import type { RankProgram } from './program.js';
import {
  accountTime,
  executedActions,
  recordEvents,
  recordTail,
  type TailTimes,
  type TimeAccount,
} from './recorder.js';
import { createLayerShares, type LayerShares } from './replica-shares.js';
import { countTokens, createRoute, type RoutingContext } from './route.js';
import { buildRankModel, type RunSpec } from './spec.js';
import { type CollectState, createStateCollector } from './state-collector.js';
import { layOutState, type StateLayout } from './state-layout.js';
import { createStepMeter, type StepMeter, type StepWork } from './step-meter.js';
import { createUpdate, initializeState, type Update } from './update.js';

/** What a rank says after a step. */
export interface StepReport extends StepWork {
  readonly scalars: readonly CollectedScalar[];
  /** Norm of the gradient over all ranks, before clipping. */
  readonly gradientNorm: number;
  readonly time: TimeAccount;
  readonly seconds: number;
  /** Tokens that each expert got, by layer. */
  readonly expertCounts: ReadonlyMap<number, readonly number[]>;
  /** Of a step at whose end a layer of this rank goes over to another placement. */
  readonly migration: MigrationReport | undefined;
  /** The most memory that the process of this rank had at once until now. */
  readonly peakMemoryBytes: number;
}

/** What the end of a step took on a rank, in seconds. */
export interface UpdateReport {
  readonly seconds: number;
  /** Of which for experts on their way to other slots. */
  readonly migrationSeconds: number;
  /** As in `StepReport`. */
  readonly computeCpuSeconds: number | undefined;
}

/** One rank's engine, memory and programs. Every method but `close` is called on all ranks at the same time. */
export interface Rank {
  readonly layout: StateLayout;
  /**
   * Sets the parameters from the seed; a parameter's numbers depend on its name alone, not on the layout. Gives the node of each rank: ranks on one machine
   * have the same, and nodes count from 0 in the order of their first ranks.
   */
  initialize(seed: number): readonly number[];
  /**
   * Gradients of the batch; they stay in the state memory until `update` or `clearGradients`. With `switches`, of at most one layer of each pipeline rank,
   * experts travel meanwhile and are where they are to be after `update`, which must follow.
   */
  computeGradients(switches?: readonly LayerSwitch[]): StepReport;
  /** Clips, applies AdamW (`step` counts from 1) and moves the selection biases. */
  update(step: number, learningRate: number): UpdateReport;
  clearGradients(): void;
  evaluate(): { readonly scalars: readonly CollectedScalar[]; readonly exports: ReadonlyMap<string, ExportedValue> };
  /** The first thing that is not finite in a forward of the batch or, if all is, in the gradients. */
  diagnose(): NonFinite | undefined;
  /** The last training step, in seconds since `origin` on this rank's clock, in order of start. */
  timeline(origin: number): TimelineEvent[];
  executed(): string[];
  /** The last training step's segments and messages with their times, on this rank's clock. */
  measure(): MeasuredRank;
  collectState: CollectState;
  /** Nothing: returns when all ranks have come, where they tell each other their results. */
  meet(): void;
  /** Of each wish, of which every rank is told as many, whether any rank was told it. */
  agree(wishes: readonly boolean[]): boolean[];
  close(): void;
}

/** How a rank reaches the others: plain data that can be posted to its thread. */
export interface RankConnection {
  readonly rank: number;
  readonly control: Control;
  readonly mail: MailMemory;
  readonly carriesMail: boolean;
}

/**
 * Builds a rank on the calling thread; `shared` is what its communication thread must be given before the first method is called.
 * Throws `WorkError` if the engine refuses a graph.
 */
export function createRank(
  spec: RunSpec,
  connection: RankConnection,
  arena: Arena,
): Rank & { readonly shared: SharedRank; readonly share: Share } {
  const { rank } = connection;
  const ranks = countRanks(spec);
  const built = buildRankModel(spec, rank);
  const layout = layOutState(spec, rank, built.stages);
  const programs = compilePrograms(spec, rank, built);
  const plan = planOperations({ spec, rank, state: layout, programs });
  const lane = createLaneMemory(plan.operations.length);
  const transport = openTransport({ ...connection, ranks, lane });
  const values = new SharedArrayBuffer(valuesBytes(ranks));
  const activations = new SharedArrayBuffer(Math.max(...programs.map((one) => one.plan.bytes), 64));
  const memory: RankMemory = { state: arena.buffer, layout, activations, batch: spec.batchMemory };
  const engine = createOnnxEngine({ threads: spec.computeThreads });
  const gather = createGather(transport, values, plan.gather);
  const kernels = createOptimizerKernels(arena.memory);
  const migration = createMigration({ spec, transport, plan, layout, kernels, state: arena.buffer, lane });
  const update = createUpdate({ spec, transport, gather, plan, layout, kernels, state: arena.buffer, migration });
  const { firstExchange } = plan;
  const shares = createLayerShares(spec, rank, memory);
  // Filled when the ranks meet for the first time.
  const nodeOfRank = new Int32Array(ranks);
  const routing = { shares, nodeOfRank };
  const context: BindPrograms = { spec, transport, built, memory, engine, programs, firstExchange, update, routing };
  const [training, evaluation] = bindPrograms(context);
  const shared = { lane, buffers: { state: arena.buffer, activations, values }, operations: plan.operations };
  const share = createShare(transport, gather, values, plan.chunk);
  const collectState = createStateCollector({
    spec,
    transport,
    mail: connection.mail,
    own: { state: arena.buffer, layout },
  });
  const meter = createStepMeter({
    training,
    locate: createLocate(memory, programs[0].program, programs[0].plan),
    lane,
    expertRank: locateRank(spec, rank).expertRank,
    computeThreads: spec.computeThreads,
  });
  const methods = createMethods({ spec, training, evaluation, memory, lane, engine, update, migration, shares, meter });
  const initialize = (seed: number) => {
    initializeState(arena.buffer, layout, spec, seed);
    nodeOfRank.set(findNodes(gather));
    return [...nodeOfRank];
  };
  const agree = (wishes: readonly boolean[]) => {
    const all = gather(wishes.map(Number));
    return wishes.map((_, position) => all.some((value, index) => index % wishes.length === position && value !== 0));
  };
  return { shared, share, ...methods, initialize, collectState, agree, meet: () => undefined };
}

interface MethodContext {
  readonly spec: RunSpec;
  readonly training: BoundProgram;
  readonly evaluation: BoundProgram;
  readonly memory: RankMemory;
  readonly lane: LaneMemory;
  readonly engine: Engine;
  readonly update: Update;
  readonly migration: Migration;
  readonly shares: LayerShares;
  readonly meter: StepMeter;
}

function createMethods(context: MethodContext): Omit<Rank, 'initialize' | 'collectState' | 'agree' | 'meet'> {
  const { spec, training, evaluation, memory, lane, engine, update, migration, shares, meter } = context;
  const { state, layout } = memory;
  const loads = layout.loads.map(({ layer, byteOffset, count }) => {
    return [layer, new Float32Array(state, byteOffset, count)] as const;
  });
  let tail: TailTimes = { start: 0, summed: 0, end: 0 };
  return {
    layout,
    computeGradients(switches = []) {
      shares.start();
      for (const [, counts] of loads) counts.fill(0);
      const start = now();
      meter.begin();
      migration.begin(switches);
      runProgram(training, { beforeEach: migration.pass, afterEach: meter.afterEach });
      const time = accountTime(training, lane);
      const reduceStart = now();
      const gradientNorm = update.reduce();
      const summed = now();
      const moved = migration.finish();
      const end = now();
      tail = { start: reduceStart, summed: moved === undefined ? end : summed, end };
      time.exposedCommunication += end - reduceStart;
      time.communication += end - reduceStart;
      const seconds = end - start;
      const expertCounts = new Map(loads.map(([layer, counts]) => [layer, [...counts]]));
      const scalars = training.scalars.slice();
      const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
      return { scalars, gradientNorm, time, seconds, expertCounts, migration: moved, peakMemoryBytes, ...meter.end() };
    },
    update(step, learningRate) {
      const start = now();
      const { result, cpuSeconds } = meter.timeCpu(() => update.apply(step, learningRate));
      const end = now();
      tail.update = [start, end];
      return { seconds: end - start, migrationSeconds: result, computeCpuSeconds: cpuSeconds };
    },
    clearGradients: update.clearGradients,
    evaluate() {
      shares.start();
      runProgram(evaluation);
      return { scalars: evaluation.scalars.slice(), exports: evaluation.exports };
    },
    diagnose: () => findNonFinite(evaluation, memory),
    timeline: (origin) =>
      [...recordEvents(training, lane, origin), ...migration.listEvents(origin), ...recordTail(tail, origin)].sort(
        (a, b) => a.start - b.start,
      ),
    executed: () => executedActions(training),
    measure: () => measureProgram(training, lane, spec),
    close: () => engine.close(),
  };
}

interface PlannedProgram {
  readonly program: RankProgram;
  readonly plan: MemoryPlan;
}

/** The training and the evaluation program; they share one activation memory, since they never run together. */
function compilePrograms(spec: RunSpec, rank: number, { stages }: BuiltModel): PlannedProgram[] {
  const { expert, overlap, exports } = spec;
  const common = { expert, overlap, rank, stages };
  return [
    compileProgram({ ...common, schedule: spec.schedule }),
    compileProgram({ ...common, schedule: spec.evaluation, exports }),
  ].map((program) => ({ program, plan: planMemory(program) }));
}

interface BindPrograms {
  readonly spec: RunSpec;
  readonly transport: Transport;
  readonly built: BuiltModel;
  readonly memory: RankMemory;
  readonly engine: Engine;
  readonly programs: readonly PlannedProgram[];
  readonly firstExchange: readonly number[];
  readonly update: Update;
  readonly routing: RoutingContext;
}

function bindPrograms(options: BindPrograms): BoundProgram[] {
  const { spec, transport, memory, engine, built, update } = options;
  const kernels = compileLazily(engine, built);
  const shared = { engine, kernels, tensors: new Map(), bufferIds: new Map() };
  const route = createRoute(spec, transport.rank, memory, options.routing);
  return options.programs.map(({ program, plan }, index) => {
    const locate = createLocate(memory, program, plan);
    // Counts are those of training: they stay until its next step.
    const counting = index === 0 ? countTokens(memory, route) : route;
    const context: BindContext = { ...shared, route: counting, locate, expertCalls: new Map() };
    return bindProgram({
      program,
      plan,
      locate,
      transport,
      batchRows: spec.batchMemory.rows,
      firstExchange: options.firstExchange[index],
      bindStep: (chunk, step) => bindStep(context, chunk, step),
      reduce: update.reduceStage,
    });
  });
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
