import type { Segment, StageProgram, ValueSpec } from '../model/index.js';
import {
  type Action,
  type ChunkAction,
  chunkActions,
  mergeSegments,
  microbatchesPerPipeline,
  type Schedule,
} from '../schedule/index.js';
import { channelOf, type StageLink, stageLinks } from './channels.js';
import type { Chunk, Instruction, RankProgram } from './program.js';

/** `stages`: the programs of the rank's stages, by the schedule's stage numbers. */
export interface CompileOptions {
  readonly schedule: Schedule;
  readonly rank: number;
  readonly stages: ReadonlyMap<number, StageProgram>;
  readonly overlap: boolean;
  /** Values that are copied out after a chunk's forward, where the stage has them. */
  readonly exports?: readonly string[];
}

/** A segment of a chunk that is yet to be merged with others. */
interface PlacedSegment extends Segment {
  readonly chunk: Chunk;
  readonly before: readonly Instruction[];
  readonly after: readonly Instruction[];
}

/**
 * Turns a rank's part of a schedule into instructions: each action's segments in order, the two lists of an overlapped pair merged by
 * `mergeSegments`, a receive before the first segment of a chunk and a send after the last.
 */
export function compileProgram({ schedule, rank, stages, overlap, exports = [] }: CompileOptions): RankProgram {
  const links = stageLinks(schedule);
  const actions = schedule.actions[rank];
  const context = { schedule, stages, links, overlap, exports };
  const instructions = actions.flatMap((action, position) => compileAction(context, action, position));
  return { rank, actions, instructions, values: joinValues(stages.values()) };
}

function joinValues(stages: Iterable<StageProgram>): Map<string, ValueSpec> {
  return new Map([...stages].flatMap((stage) => [...stage.values]));
}

interface Context {
  readonly schedule: Schedule;
  readonly stages: ReadonlyMap<number, StageProgram>;
  readonly links: readonly StageLink[];
  readonly overlap: boolean;
  readonly exports: readonly string[];
}

function compileAction(context: Context, action: Action, position: number): Instruction[] {
  const [first, second] = chunkActions(action).map((chunk) => placeSegments(context, chunk, position));
  const segments =
    second === undefined ? first : context.overlap ? mergeSegments(first, second) : [...first, ...second];
  return segments.flatMap(({ chunk, before, after, ...segment }) => [
    ...before,
    { kind: 'segment' as const, action: position, chunk, segment },
    ...after,
  ]);
}

function placeSegments(context: Context, action: ChunkAction, position: number): PlacedSegment[] {
  const chunk = describeChunk(context.schedule, action);
  const program = context.stages.get(action.stage);
  if (program === undefined) throw new Error(`stage ${action.stage} is not on this rank`);
  const segments = segmentsOfAction(program, action);
  const receive = messageOf(context, action, chunk, program, 'receive', position);
  const send = messageOf(context, action, chunk, program, 'send', position);
  const collects = action.kind === 'forward' ? collectResults(context, program, chunk, position) : [];
  return segments.map((segment, index) => ({
    ...segment,
    chunk,
    before: index === 0 ? receive : [],
    after: index === segments.length - 1 ? [...send, ...collects] : [],
  }));
}

function segmentsOfAction(program: StageProgram, action: ChunkAction): readonly Segment[] {
  switch (action.kind) {
    case 'forward':
      return program.forward;
    case 'backward':
      return program.backward;
    case 'backwardInput':
    case 'backwardWeight':
      return program.backward.filter(({ phase }) => phase === action.kind);
    default:
      return action satisfies never;
  }
}

function describeChunk(schedule: Schedule, { stage, microbatch }: ChunkAction): Chunk {
  const pipeline = schedule.pipelines.findIndex((stages) => stages.includes(stage));
  return { stage, pipeline, microbatch, batchRow: pipeline * microbatchesPerPipeline(schedule) + microbatch };
}

/** The message that a chunk waits for, or gives, if the neighbouring stage is on another rank. */
function messageOf(
  { schedule, links }: Context,
  action: ChunkAction,
  chunk: Chunk,
  program: StageProgram,
  kind: 'receive' | 'send',
  position: number,
): Instruction[] {
  if (action.kind === 'backwardWeight') return [];
  const isForward = action.kind === 'forward';
  // What comes in forward and goes out backward crosses the stage's input border; the rest crosses its output border.
  const border = isForward === (kind === 'receive') ? program.input : program.output;
  const pipeline = schedule.pipelines[chunk.pipeline];
  const neighbour = pipeline[pipeline.indexOf(chunk.stage) + (isForward === (kind === 'receive') ? -1 : 1)];
  if (border === undefined || neighbour === undefined) return [];
  const channel =
    kind === 'receive' ? channelOf(links, neighbour, chunk.stage) : channelOf(links, chunk.stage, neighbour);
  if (channel < 0) return [];
  return [{ kind, action: position, channel, chunk, value: isForward ? border.value : border.gradient }];
}

function collectResults({ exports }: Context, program: StageProgram, chunk: Chunk, action: number): Instruction[] {
  const scalars = program.scalars.map(({ value, meaning, layer }) => ({
    kind: 'collect' as const,
    action,
    chunk,
    value,
    meaning,
    layer,
  }));
  const wholes = exports
    .filter((value) => program.values.has(value))
    .map((value) => ({ kind: 'export' as const, action, chunk, value }));
  return [...scalars, ...wholes];
}
