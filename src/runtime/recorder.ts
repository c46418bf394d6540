import { formatAction, type TimelineEvent } from '../schedule/index.js';
import type { BoundProgram } from './execute.js';
import type { Instruction } from './program.js';

/** Where a rank's time went in one run of a program, in seconds. */
export interface TimeAccount {
  compute: number;
  /** Communication that the rank's computation waited for: copies, and dispatch and combine that nothing hid. */
  exposedCommunication: number;
  /** Waiting for messages. */
  idle: number;
}

/** Adds up the last run's times. */
export function accountTime({ instructions, times }: BoundProgram): TimeAccount {
  const account: TimeAccount = { compute: 0, exposedCommunication: 0, idle: 0 };
  for (const [index, { instruction }] of instructions.entries()) {
    const [start, ready, end] = times.subarray(3 * index, 3 * index + 3);
    account.idle += ready - start;
    if (laneOf(instruction) === 'compute') account.compute += end - ready;
    else account.exposedCommunication += end - ready;
  }
  return account;
}

function laneOf(instruction: Instruction): 'compute' | 'communication' {
  switch (instruction.kind) {
    case 'receive':
    case 'send':
      return 'communication';
    case 'segment':
      return instruction.segment.lane;
    case 'collect':
    case 'export':
      return 'compute';
    default:
      return instruction satisfies never;
  }
}

/** The last run as events: one for each segment and message, seconds since `origin`. */
export function recordEvents({ program, instructions, times }: BoundProgram, origin: number): TimelineEvent[] {
  return instructions.flatMap(({ instruction }, index) => {
    if (instruction.kind === 'collect' || instruction.kind === 'export') return [];
    const { chunk } = instruction;
    const ready = times[3 * index + 1];
    const action = program.actions[instruction.action];
    const isMessage = instruction.kind !== 'segment';
    return [
      {
        lane: laneOf(instruction),
        kind: isMessage ? ('communication' as const) : chunkKind(instruction),
        label: `${isMessage ? instruction.kind : describeSegment(instruction)} [${formatAction(action)}]`,
        start: ready - origin,
        end: times[3 * index + 2] - origin,
        chunks: [{ stage: chunk.stage, microbatch: chunk.microbatch }],
      },
    ];
  });
}

function chunkKind({ segment }: Extract<Instruction, { kind: 'segment' }>): TimelineEvent['kind'] {
  return segment.lane === 'communication' ? 'communication' : segment.phase;
}

function describeSegment({ segment }: Extract<Instruction, { kind: 'segment' }>): string {
  return `${segment.name} ${segment.phase} L${segment.layer}`;
}

/** The actions in the order in which the last run finished them, as text: what the schedule is held against. */
export function executedActions({ program, instructions, times }: BoundProgram): string[] {
  const ended = new Map<number, number>();
  for (const [index, { instruction }] of instructions.entries()) {
    if (instruction.kind === 'segment') ended.set(instruction.action, times[3 * index + 2]);
  }
  return [...ended].sort((a, b) => a[1] - b[1]).map(([action]) => formatAction(program.actions[action]));
}
