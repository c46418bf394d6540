import type { Segment, StageProgram, ValueSpec } from '../model/index.js';
import {
  type Action,
  type ChunkAction,
  chunkActions,
  issueEarly,
  mergeSegments,
  microbatchesPerPipeline,
  type SegmentShape,
} from '../schedule/index.js';
import { channelOf, rankChannel, type StageLink, stageLinks } from './channels.js';
import { type Layout, locateRank } from './layout.js';
import type { Chunk, Instruction, PlacedExchange, RankProgram } from './program.js';
import { placeReductions, placeWaits } from './waits.js';

/** `stages`: the programs of the rank's stages, by the schedule's stage numbers. */
export interface CompileOptions extends Layout {
  readonly rank: number;
  readonly stages: ReadonlyMap<number, StageProgram>;
  readonly overlap: boolean;
  /** Values that are copied out after a chunk's forward, where the stage has them. */
  readonly exports?: readonly string[];
}

/** A piece of a chunk that is yet to be merged with others: a segment with what belongs to it, or the message that the chunk sends. */
interface Piece extends SegmentShape {
  readonly instructions: readonly Instruction[];
}

/**
 * Turns a rank's part of a schedule into instructions: each action's segments in order, the two lists of an overlapped pair merged by
 * `mergeSegments`, a receive before the first segment of a chunk and a send at its end; then a wait before the first use of what travels.
 */
export function compileProgram(options: CompileOptions): RankProgram {
  const { schedule, rank, stages } = options;
  const { pipelineRank } = locateRank(options, rank);
  const links = stageLinks(schedule);
  const actions = schedule.actions[pipelineRank];
  const exchanges: PlacedExchange[] = [];
  const context: Context = { ...options, links, exchanges };
  const issued = actions.flatMap((action, position) => compileAction(context, action, position));
  const instructions = placeReductions(placeWaits(issued, options.overlap));
  return { rank, actions, instructions, exchanges, values: joinValues(stages.values()) };
}

function joinValues(stages: Iterable<StageProgram>): Map<string, ValueSpec> {
  return new Map([...stages].flatMap((stage) => [...stage.values]));
}

interface Context extends CompileOptions {
  readonly links: readonly StageLink[];
  /** Filled in the order in which exchanges are issued. */
  readonly exchanges: PlacedExchange[];
}

function compileAction(context: Context, action: Action, position: number): Instruction[] {
  const [first, second] = chunkActions(action).map((chunk) => cutChunk(context, chunk, position));
  const chunks = second === undefined ? [first] : [first, second];
  return orderPieces(chunks, context.overlap).flatMap(({ instructions }) =>
    instructions.map((instruction) => numberExchange(context, instruction)),
  );
}

function orderPieces([first, second]: readonly Piece[][], overlap: boolean): Piece[] {
  if (!overlap) return [...first, ...(second ?? [])];
  return issueEarly(second === undefined ? first : mergeSegments(first, second));
}

/** Gives a segment's exchange its number. */
function numberExchange({ exchanges }: Context, instruction: Instruction): Instruction {
  if (instruction.kind !== 'segment' || instruction.segment.exchange === undefined) return instruction;
  const { chunk, segment } = instruction;
  const operation = exchanges.push({ chunk, exchange: instruction.segment.exchange }) - 1;
  return { ...instruction, chunk, segment, operation };
}

function cutChunk(context: Context, action: ChunkAction, position: number): Piece[] {
  const chunk = describeChunk(context, action);
  const program = context.stages.get(action.stage);
  if (program === undefined) throw new Error(`stage ${action.stage} is not on this rank`);
  const segments = segmentsOfAction(program, action);
  const receive = messageOf(context, action, chunk, program, 'receive', position);
  const send = messageOf(context, action, chunk, program, 'send', position);
  const collects = action.kind === 'forward' ? collectResults(context, program, chunk, position) : [];
  const last = segments.length - 1;
  // What waits for rows to come back is a piece of its own, so that the other chunk of a pair can compute before it.
  const isDelayed = segments[last]?.exchange !== undefined;
  const pieces = segments.map((segment, index): Piece => {
    const { name, phase, layer, lane } = segment;
    const before = index === 0 ? receive : [];
    const own: Instruction = { kind: 'segment', action: position, chunk, segment };
    const after = index === last && !isDelayed ? [...send, ...collects] : [];
    return { name, phase, layer, lane, instructions: [...before, own, ...after] };
  });
  if (!isDelayed) return pieces;
  const { phase, layer } = segments[last];
  return [...pieces, { name: 'send', phase, layer, lane: 'compute', instructions: [...send, ...collects] }];
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

function describeChunk(context: Context, { stage, microbatch }: ChunkAction): Chunk {
  const { schedule, rank } = context;
  const { expertRank } = locateRank(context, rank);
  const pipeline = schedule.pipelines.findIndex((stages) => stages.includes(stage));
  const row = pipeline * microbatchesPerPipeline(schedule) + microbatch;
  return { stage, pipeline, microbatch, batchRow: expertRank * schedule.microbatches + row };
}

/** The message that a chunk waits for, or gives, if the neighbouring stage is on another rank. */
function messageOf(
  context: Context,
  action: ChunkAction,
  chunk: Chunk,
  program: StageProgram,
  kind: 'receive' | 'send',
  position: number,
): Instruction[] {
  const { schedule, links } = context;
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
  const { expertRank } = locateRank(context, context.rank);
  const own = rankChannel(context, channel, expertRank);
  return [{ kind, action: position, channel: own, chunk, value: isForward ? border.value : border.gradient }];
}

function collectResults({ exports = [] }: Context, program: StageProgram, chunk: Chunk, action: number): Instruction[] {
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
