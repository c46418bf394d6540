import type { LaneMemory } from '../comm/index.js';
import type { Segment } from '../model/index.js';
import { type EventKind, formatAction, type Lane, type TimelineEvent } from '../schedule/index.js';
import type { BoundProgram } from './execute.js';
import type { Chunk, Instruction } from './program.js';

/** Where a rank's time went in one run of a program, in seconds. Computing, exposed communication and idle time sum to the run. */
export interface TimeAccount {
  compute: number;
  /** Communication, hidden or not: the communication lane at work, and what nothing hid. */
  communication: number;
  /** The part of it that nothing hid: waiting for rows that travel, and copying messages. */
  exposedCommunication: number;
  /** Waiting for messages of other stages. */
  idle: number;
}

/** Adds up the last run's times. */
export function accountTime(bound: BoundProgram, lane: LaneMemory): TimeAccount {
  const { instructions, times } = bound;
  const account: TimeAccount = { compute: 0, communication: 0, exposedCommunication: 0, idle: 0 };
  const exposed: Span[] = [];
  for (const [index, { instruction }] of instructions.entries()) {
    const [start, ready, end] = times.subarray(3 * index, 3 * index + 3);
    if (instruction.kind === 'wait') exposed.push([start, ready]);
    else account.idle += ready - start;
    if (instruction.kind === 'receive' || instruction.kind === 'send') exposed.push([ready, end]);
    else account.compute += end - ready;
  }
  const exchanges = bound.program.exchanges.map((_, operation): Span => {
    const [taken, done] = exchangeTimes(bound, lane, operation);
    return [taken, done];
  });
  account.exposedCommunication = unionSeconds(exposed);
  account.communication = unionSeconds([...exchanges, ...exposed]);
  return account;
}

type Span = readonly [start: number, end: number];

/** When the lane took an exchange of the last run up and when it was done. */
export function exchangeTimes({ firstExchange }: BoundProgram, { times }: LaneMemory, operation: number): Float64Array {
  return new Float64Array(times, 16 * (firstExchange + operation), 2);
}

/** Time in which at least one of the spans was under way. */
function unionSeconds(spans: readonly Span[]): number {
  let busy = 0;
  let until = -Infinity;
  for (const [start, end] of [...spans].sort((a, b) => a[0] - b[0])) {
    busy += Math.max(0, end - Math.max(start, until));
    until = Math.max(until, end);
  }
  return busy;
}

/**
 * The last run as events of both lanes, seconds since `origin`: what the rank computed, its messages and the exchanges, and on the compute lane what it waited for. The `exposed` ones sum to
 * the account's exposed communication.
 */
export function recordEvents(bound: BoundProgram, lane: LaneMemory, origin: number): TimelineEvent[] {
  const { program, instructions, times } = bound;
  const arrived = new Map<Chunk, string>();
  return instructions.flatMap(({ instruction }, index) => {
    const [start, ready, end] = times.subarray(3 * index, 3 * index + 3);
    const { chunk } = instruction;
    const chunks = [{ stage: chunk.stage, microbatch: chunk.microbatch }];
    const action = formatAction(program.actions[instruction.action]);
    const event = ({ lane, kind, name }: Description, from: number, to: number): TimelineEvent => ({
      lane,
      kind,
      label: `${name} [${action}]`,
      start: from - origin,
      end: to - origin,
      chunks,
    });
    const events: TimelineEvent[] = [];
    const wait = describeWait(instruction);
    if (wait !== undefined) events.push(event(wait, start, ready));
    const described = describe(instruction);
    if (described === undefined) return events;
    // The computing thread copies messages, and computes nothing meanwhile.
    if (described.lane === 'communication')
      events.push(event({ lane: 'compute', kind: 'exposed', name: described.name }, ready, end));
    const isEmpty = instruction.kind === 'segment' && instruction.segment.steps.length === 0;
    if (!isEmpty) events.push({ ...event(described, ready, end), ...nameMessages(instruction, arrived) });
    if (instruction.kind !== 'segment' || instruction.operation === undefined) return events;
    const [taken, done] = exchangeTimes(bound, lane, instruction.operation);
    return [...events, event({ lane: 'communication', kind: 'communication', name: described.name }, taken, done)];
  });
}

/** When a rank did what follows the program of a step, in seconds of the process-wide clock. */
export interface TailTimes {
  /** It sums gradients over ranks until `summed`, and waits for experts that move until `end`. */
  readonly start: number;
  readonly summed: number;
  readonly end: number;
  /** Start and end of the optimizer's step. */
  update?: readonly [start: number, end: number];
}

/** What followed the last run of a step's program, seconds since `origin`. */
export function recordTail({ start, summed, end, update }: TailTimes, origin: number): TimelineEvent[] {
  const event = (kind: EventKind, label: string, from: number, to: number): TimelineEvent => {
    return { lane: 'compute', kind, label, start: from - origin, end: to - origin, chunks: [] };
  };
  return [
    event('exposed', 'sum gradients', start, summed),
    ...(end > summed ? [event('exposed', 'wait for experts that move', summed, end)] : []),
    ...(update === undefined ? [] : [event('other', 'update', ...update)]),
  ];
}

/**
 * Names the message that a `send` sends, and with the first computation of a chunk after its `receive` the one that it takes. `arrived` holds what a chunk
 * has received and not used yet.
 */
function nameMessages(
  instruction: Instruction,
  arrived: Map<Chunk, string>,
): Pick<TimelineEvent, 'sends' | 'receives'> {
  const { kind, chunk } = instruction;
  if (kind === 'send' || kind === 'receive') {
    // A channel leads from one stage of one rank to another's, and carries a microbatch once.
    const name = `${instruction.channel}/${chunk.microbatch}`;
    if (kind === 'send') return { sends: [name] };
    arrived.set(chunk, name);
    return {};
  }
  const name = arrived.get(chunk);
  if (name === undefined || kind !== 'segment') return {};
  arrived.delete(chunk);
  return { receives: [name] };
}

interface Description {
  readonly lane: Lane;
  readonly kind: EventKind;
  readonly name: string;
}

/** How is shown what an instruction waits for before it does anything; undefined where it does not. */
function describeWait(instruction: Instruction): Description | undefined {
  if (instruction.kind === 'receive') return { lane: 'compute', kind: 'idle', name: 'wait for a message' };
  if (instruction.kind !== 'wait') return undefined;
  return { lane: 'compute', kind: 'exposed', name: `wait for ${segmentName(instruction.segment)}` };
}

/** How an instruction is shown; undefined for what takes no time to speak of. */
function describe(instruction: Instruction): Description | undefined {
  switch (instruction.kind) {
    case 'receive':
    case 'send':
      return { lane: 'communication', kind: 'communication', name: instruction.kind };
    case 'segment':
      return { lane: 'compute', kind: instruction.segment.phase, name: segmentName(instruction.segment) };
    case 'wait':
      return (instruction.segment.after ?? []).length === 0
        ? undefined
        : { lane: 'compute', kind: instruction.segment.phase, name: `after ${segmentName(instruction.segment)}` };
    case 'collect':
    case 'export':
    case 'reduce':
      return undefined;
    default:
      return instruction satisfies never;
  }
}

function segmentName({ name, phase, layer }: Segment): string {
  return `${name} ${phase} L${layer}`;
}

/** The actions in the order in which the last run finished them, as text: what the schedule is held against. */
export function executedActions({ program, instructions, times }: BoundProgram): string[] {
  const ended = new Map<number, number>();
  for (const [index, { instruction }] of instructions.entries()) {
    if (instruction.kind === 'segment') ended.set(instruction.action, times[3 * index + 2]);
  }
  return [...ended].sort((a, b) => a[1] - b[1]).map(([action]) => formatAction(program.actions[action]));
}
