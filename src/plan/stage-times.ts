import { issueEarly, mergeSegments } from '../schedule/index.js';
import { type TimedSegment, timeSegments } from '../simulate/index.js';
import { listParts, type PartKind } from './parameters.js';
import {
  type ChunkSetting,
  type CostBasis,
  type PartSegments,
  type PlannedSegment,
  partSegments,
} from './part-segments.js';
import { improveSplit, splitEvenly } from './stage-split.js';

/** Seconds of a chunk or a pair, and how much of them the computation waits for communication. */
interface ExposedTime {
  readonly seconds: number;
  readonly exposed: number;
}

/** Times of one stage's chunks outside of pairs, calibrated. */
interface ChunkTimes {
  readonly forward: ExposedTime;
  readonly backwardInput: ExposedTime;
  readonly backwardWeight: ExposedTime;
}

/** Predicts the times of stages, each a run of parts; remembers what it has predicted. */
export interface StageTimer {
  readonly chunk: (stage: readonly PartKind[]) => ChunkTimes;
  /** An overlapped pair: a forward of one stage, a backward of another. */
  readonly pair: (forward: readonly PartKind[], backward: readonly PartKind[]) => ExposedTime;
  /** The ends of so many stages, cut so that they take about the same time; with pairs, so that ranks do which hold stages from both ends. */
  readonly split: (stages: number, isPaired: boolean) => readonly number[];
}

/** Splits into more stages are left as they were cut: to try all moves takes the cube of their number. */
const mostImproved = 64;

/** A timer for the stages of a model under one setting. */
export function createStageTimer(basis: CostBasis, setting: ChunkSetting): StageTimer {
  const partOf = remember(
    (kind: PartKind) => partSegments(basis, setting, kind),
    (kind) => kind,
  );
  const stageOf = remember((stage: readonly PartKind[]) => joinParts(stage.map(partOf)), keyOf);
  const chunk = remember((stage: readonly PartKind[]) => timeChunk(stageOf(stage), basis), keyOf);
  const pairs = new Map<string, ExposedTime>();
  const pair = (forward: readonly PartKind[], backward: readonly PartKind[]): ExposedTime => {
    const key = `${keyOf(forward)}|${keyOf(backward)}`;
    const time = pairs.get(key) ?? timePair(stageOf(forward), stageOf(backward), basis.calibration.overlapped);
    pairs.set(key, time);
    return time;
  };
  const parts = listParts(basis.model);
  const evenly = (stages: number, isPaired: boolean) =>
    splitEvenly(
      parts.map((kind) => partSeconds(partOf(kind), isPaired)),
      stages,
    );
  const single = remember((stages: number) => evenly(stages, false), String);
  const paired = remember((stages: number) => {
    const ends = evenly(stages, true);
    return stages > mostImproved ? ends : improveSplit(ends, pairCost(parts, pair));
  }, String);
  return { chunk, pair, split: (stages, isPaired) => (isPaired ? paired(stages) : single(stages)) };
}

/** Cost of a split whose stages share ranks from both ends: the longest two pairs of a rank, and to tell equals apart the mean of the squares. */
function pairCost(parts: readonly PartKind[], pair: StageTimer['pair']): (ends: readonly number[]) => number {
  const interned = new Map<string, { readonly id: number; readonly kinds: readonly PartKind[] }>();
  const runs = new Map<number, { readonly id: number; readonly kinds: readonly PartKind[] }>();
  const runOf = (start: number, end: number) => {
    const known = runs.get(start * (parts.length + 1) + end);
    if (known !== undefined) return known;
    const kinds = parts.slice(start, end);
    const run = interned.get(keyOf(kinds)) ?? { id: interned.size, kinds };
    interned.set(keyOf(kinds), run);
    runs.set(start * (parts.length + 1) + end, run);
    return run;
  };
  const seconds = new Map<number, number>();
  return (ends) => {
    let longest = 0;
    let squares = 0;
    for (let stage = 0; 2 * stage < ends.length; stage++) {
      const mirror = ends.length - 1 - stage;
      const a = runOf(ends[stage - 1] ?? 0, ends[stage] as number);
      const b = runOf(ends[mirror - 1] ?? 0, ends[mirror] as number);
      const key = a.id * 2 ** 20 + b.id;
      const time = seconds.get(key) ?? pair(a.kinds, b.kinds).seconds + pair(b.kinds, a.kinds).seconds;
      seconds.set(key, time);
      longest = Math.max(longest, time);
      squares += time * time;
    }
    return longest + (1e-3 * squares) / (longest * ends.length);
  };
}

function keyOf(stage: readonly PartKind[]): string {
  return stage.join();
}

function remember<K, V>(find: (key: K) => V, textOf: (key: K) => string): (key: K) => V {
  const known = new Map<string, V>();
  return (key) => {
    const text = textOf(key);
    const value = known.get(text) ?? find(key);
    known.set(text, value);
    return value;
  };
}

function joinParts(parts: readonly PartSegments[]): PartSegments {
  const numbered = parts.map(({ forward, backward }, layer) => ({
    forward: forward.map((segment) => ({ ...segment, layer })),
    backward: backward.map((segment) => ({ ...segment, layer })),
  }));
  return {
    forward: numbered.flatMap(({ forward }) => forward),
    backward: numbered.toReversed().flatMap(({ backward }) => backward),
  };
}

function partSeconds({ forward, backward }: PartSegments, isPaired: boolean): number {
  const all = [...forward, ...backward];
  if (!isPaired) return sum(all, ({ alone }) => alone);
  const laneSeconds = (lane: PlannedSegment['lane']) =>
    sum(all, (segment) => (segment.lane === lane ? segment.beside : 0));
  return Math.max(laneSeconds('compute'), laneSeconds('communication'));
}

/** Outside of pairs a chunk has nothing to hide its communication behind: one segment follows the other. */
function timeChunk({ forward, backward }: PartSegments, { calibration }: CostBasis): ChunkTimes {
  const timePhase = (segments: readonly PlannedSegment[], factor: number): ExposedTime => ({
    seconds: factor * sum(segments, ({ alone }) => alone),
    exposed: factor * sum(segments, ({ lane, alone }) => (lane === 'communication' ? alone : 0)),
  });
  const ofPhase = (phase: PlannedSegment['phase']) => backward.filter((segment) => segment.phase === phase);
  return {
    forward: timePhase(forward, calibration.forward),
    backwardInput: timePhase(ofPhase('backwardInput'), calibration.backwardInput),
    backwardWeight: timePhase(ofPhase('backwardWeight'), calibration.backwardWeight),
  };
}

function timePair(forward: PartSegments, backward: PartSegments, factor: number): ExposedTime {
  const timed = (list: readonly PlannedSegment[], chunk: 0 | 1): TimedSegment[] =>
    list.map(({ name, phase, layer, lane, beside }) => ({ name, phase, layer, lane, chunk, time: beside }));
  const segments = issueEarly(mergeSegments(timed(forward.forward, 0), timed(backward.backward, 1)));
  // What each lane does to the other is in the times already.
  const { time, exposedCommunication } = timeSegments({ segments, contention: 0 });
  return { seconds: factor * time, exposed: factor * exposedCommunication };
}

function sum<T>(list: readonly T[], read: (entry: T) => number): number {
  return list.reduce((total, entry) => total + read(entry), 0);
}
