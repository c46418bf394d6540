import type { LaneMemory } from '../comm/index.js';
import type { MeasuredMessage, MeasuredRank, MeasuredSegment } from '../simulate/index.js';
import { linkOfChannel, stageLinks } from './channels.js';
import type { BoundProgram } from './execute.js';
import type { Layout } from './layout.js';
import type { Instruction } from './program.js';
import { exchangeTimes } from './recorder.js';

/** The last run of a program as a step record is made from it, in seconds of this rank's clock. */
export function measureProgram(bound: BoundProgram, lane: LaneMemory, layout: Layout): MeasuredRank {
  const links = stageLinks(layout.schedule);
  const { instructions, times } = bound;
  const segments: MeasuredSegment[] = [];
  const messages: MeasuredMessage[] = [];
  const unpacked = findUnpackTimes(bound, lane);
  for (const [index, { instruction }] of instructions.entries()) {
    const [start, ready, end] = times.subarray(3 * index, 3 * index + 3);
    if (instruction.kind === 'segment') {
      segments.push(measureSegment(bound, lane, instruction, { seconds: end - ready, end, unpacked }));
    } else if (instruction.kind === 'send' || instruction.kind === 'receive') {
      const { fromStage, toStage } = links[linkOfChannel(layout, instruction.channel)];
      const common = { fromStage, toStage, microbatch: instruction.chunk.microbatch, seconds: end - ready };
      messages.push(
        instruction.kind === 'send' ? { ...common, kind: 'send', end } : { ...common, kind: 'receive', start, ready },
      );
    }
  }
  return { scheduleSeconds: times.length === 0 ? 0 : times[times.length - 1] - times[0], segments, messages };
}

type SegmentInstruction = Extract<Instruction, { kind: 'segment' }>;

function measureSegment(
  bound: BoundProgram,
  lane: LaneMemory,
  { chunk, segment, operation }: SegmentInstruction,
  { seconds, end, unpacked }: { seconds: number; end: number; unpacked: ReadonlyMap<number, number> },
): MeasuredSegment {
  const { name, phase, layer } = segment;
  const common = { name, phase, layer, stage: chunk.stage, microbatch: chunk.microbatch, seconds };
  if (segment.lane === 'compute') return { ...common, lane: 'compute' };
  const transferEnd = operation === undefined ? end : exchangeTimes(bound, lane, operation)[1];
  const unpackSeconds = operation === undefined ? 0 : (unpacked.get(operation) ?? 0);
  return { ...common, lane: 'communication', transfer: { posted: end, end: transferEnd }, unpackSeconds };
}

/** By exchange: time from when its rows were there and the rank wanted them to when it could use them, waking up included. */
function findUnpackTimes(bound: BoundProgram, lane: LaneMemory): Map<number, number> {
  const { instructions, times } = bound;
  return new Map(
    instructions.flatMap(({ instruction }, index) => {
      if (instruction.kind !== 'wait') return [];
      const there = Math.max(times[3 * index], exchangeTimes(bound, lane, instruction.operation)[1]);
      return [[instruction.operation, Math.max(0, times[3 * index + 2] - there)] as const];
    }),
  );
}
