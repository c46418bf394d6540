import { type Simulation, simulate } from '../simulate/index.js';
import type { Layout, Plan, StepBreakdown } from './layout.js';
import { rankParameters, stateMemory, workingMemory } from './memory.js';
import { listParts, type PartKind } from './parameters.js';
import type { CostBasis } from './part-segments.js';
import type { ActionCount, ScheduleShape } from './shape.js';
import type { StageTimer } from './stage-times.js';
import { cutIntoStages, type StagedLayout, sharingOf, stageCosts, timePair } from './staged-layout.js';
import { type Tail, tailSeconds } from './tail.js';
import type { ChunkSize } from './work.js';

const gibibyte = 2 ** 30;

/** A layout that does not fit into memory. */
export interface Misfit {
  /** At least so much its fullest rank would have to hold. */
  readonly neededBytes: number;
  /** At least so much of it is activations, and what a chunk at work takes; left out where that is not known. */
  readonly chunkBytes?: number;
}

/** Predicts a layout: cuts the model into stages, simulates its schedule, adds what follows it; or says that it does not fit into memory. */
export function evaluateLayout(
  basis: CostBasis,
  layout: Layout,
  shape: ScheduleShape,
  { timer, size }: { readonly timer: StageTimer; readonly size: ChunkSize },
): Plan | Misfit {
  const { memoryGib, reservedGib } = basis.cluster.gpu;
  const limit = memoryGib * gibibyte;
  const least = leastBytes(basis, layout, shape.schedule.pipelines.length);
  if (least > limit) return { neededBytes: least };
  const ends = timer.split(shape.schedule.pipelines[0]?.length ?? 1, isPaired(shape));
  const staged = cutIntoStages(basis, layout, shape, { ends, size });
  const states = staged.parameters.map((one) => stateMemory(one, basis.model.precision, staged.sharing));
  const held = states.map(({ parameters, gradients, optimizer }) => parameters + gradients + optimizer);
  const working = staged.partsByRank.map((stages) => workingMemory(basis.model, stages, size, layout.recomputation));
  const fixed = held.map((bytes, rank) => bytes + (working[rank] as number) + reservedGib * gibibyte);
  // Most layouts that do not fit show it before they are simulated.
  const mostFixed = Math.max(...fixed);
  if (mostFixed > limit) return { neededBytes: mostFixed, chunkBytes: Math.max(...working) };
  const simulation = simulate(shape.schedule, stageCosts(basis, staged, timer));
  const activations = simulation.memory?.byPart.activations ?? [];
  const peakMemoryBytes = fixed.map((bytes, rank) => bytes + (activations[rank] ?? 0));
  const most = Math.max(...peakMemoryBytes);
  const fullest = peakMemoryBytes.indexOf(most);
  if (most > limit) return { neededBytes: most, chunkBytes: working[fullest] + (activations[fullest] ?? 0) };
  const state = states[fullest] as (typeof states)[number];
  return {
    ...layout,
    ...predictTime(basis, staged, timer, simulation),
    peakMemoryBytes,
    memory: {
      ...state,
      activations: activations[fullest] as number,
      working: working[fullest] as number,
      reserved: reservedGib * gibibyte,
    },
    layersByStage: staged.parts.map((kinds) => kinds.filter((kind) => kind !== 'embedding' && kind !== 'head').length),
  };
}

/** What a rank holds without activations, were all the same: less than the fullest does, and known before anything is cut or simulated. */
function leastBytes({ model, cluster }: CostBasis, layout: Layout, copies: number): number {
  const whole = rankParameters(model, [listParts(model)], layout.expert);
  const { parameters, gradients, optimizer } = stateMemory(whole, model.precision, sharingOf(layout, copies));
  return cluster.gpu.reservedGib * gibibyte + (copies * (parameters + gradients + optimizer)) / layout.pipeline;
}

/** Whether the schedule has pairs: its ranks then share stages from both ends. */
function isPaired({ counts }: ScheduleShape): boolean {
  return counts.some(({ kind }) => kind === 'overlap');
}

function predictTime(basis: CostBasis, staged: StagedLayout, timer: StageTimer, simulation: Simulation) {
  const { layout, shape, parameters, sharing } = staged;
  const { ranks } = shape.schedule;
  const mean = (list: readonly number[]) => list.reduce((sum, time) => sum + time, 0) / ranks;
  const { idleByCause: idle } = simulation;
  const { seconds, exposed } = sumActions(staged, timer);
  const tails = parameters.map((one) =>
    tailSeconds(basis.cluster, basis.model.precision, one, { sharing, data: layout.data, expert: layout.expert }),
  );
  const tail = longestTail(tails, basis.calibration.optimizer);
  const breakdown: StepBreakdown = {
    forward: seconds.forward / ranks,
    backward: (seconds.backward + seconds.backwardInput) / ranks,
    backwardWeight: seconds.backwardWeight / ranks,
    overlapped: seconds.overlap / ranks,
    warmUp: mean(idle.warmUp),
    waiting: mean(idle.waiting),
    messages: mean(idle.exposedCommunication),
    coolDown: mean(idle.coolDown),
    ...tail,
  };
  const stepSeconds = simulation.makespan + tail.reduce + tail.optimizer;
  return {
    stepSeconds,
    bubbleFraction: mean(simulation.idle) / stepSeconds,
    exposedCommunicationSeconds: exposed / ranks + breakdown.messages,
    breakdown,
  };
}

/** Time in each kind of action and in their all-to-alls that nothing hides, all ranks together. */
function sumActions(staged: StagedLayout, timer: StageTimer) {
  const seconds = { forward: 0, backward: 0, backwardInput: 0, backwardWeight: 0, overlap: 0 };
  let exposed = 0;
  for (const action of staged.shape.counts) {
    const one = timeAction(staged, timer, action);
    seconds[action.kind] += action.count * one.seconds;
    exposed += action.count * one.exposed;
  }
  return { seconds, exposed };
}

function timeAction(staged: StagedLayout, timer: StageTimer, action: ActionCount) {
  if (action.kind === 'overlap') return timePair(staged, timer, action);
  const place = staged.shape.placeOfStage[action.stage] as number;
  const chunk = timer.chunk(staged.parts[place] as readonly PartKind[]);
  if (action.kind !== 'backward') return chunk[action.kind];
  const { backwardInput, backwardWeight } = chunk;
  return {
    seconds: backwardInput.seconds + backwardWeight.seconds,
    exposed: backwardInput.exposed + backwardWeight.exposed,
  };
}

/** All ranks end a step together: the one with the longest tail counts. */
function longestTail(tails: readonly Tail[], factor: number): Tail {
  const longest = tails.reduce((a, b) => (b.reduce + b.optimizer > a.reduce + a.optimizer ? b : a));
  return { reduce: factor * longest.reduce, optimizer: factor * longest.optimizer };
}
