import {
  type Action,
  type ChunkAction,
  chunkActions,
  type FlatSchedule,
  formatAction,
  type TimelineEvent,
} from '../schedule/index.js';
import type { Communication, Exchange, Sender } from './communication.js';
import type { LaneStep } from './lane-steps.js';
import type { StepTimes } from './stage-times.js';

/** A transfer whose result nothing has used yet. */
interface Pending {
  readonly exchange: Exchange;
  readonly unpackSeconds: number;
  readonly step: LaneStep;
  readonly action: Action;
}

/** A rank at work. */
export interface ComputeLane extends Sender {
  readonly actions: readonly Action[];
  /** The action under way, and the position in its steps. */
  action: number;
  step: number;
  time: number;
  compute: number;
  exposedCommunication: number;
  /** Time in which it waited for messages. */
  waiting: number;
  /** By flow, see `flowOf`. */
  readonly pending: Map<number, Pending>;
  /** When messages arrive, by `messageKey`. */
  readonly inbox: Map<number, number>;
  readonly events: TimelineEvent[];
}

export function createComputeLane(sender: Sender, actions: readonly Action[]): ComputeLane {
  const times = { time: 0, compute: 0, exposedCommunication: 0, waiting: 0 };
  return { ...sender, actions, action: 0, step: 0, ...times, pending: new Map(), inbox: new Map(), events: [] };
}

/** What all compute lanes share. */
export interface ComputeContext {
  readonly flat: FlatSchedule;
  /** `[stages]`: the pipeline that a stage belongs to. */
  readonly pipelineOf: Int32Array;
  readonly times: StepTimes;
  readonly stepsOf: (action: Action) => readonly LaneStep[];
  readonly communication: Communication;
  /** Puts a message into the inbox of the rank that holds the stage. */
  readonly deliver: (stage: number, expertRank: number, key: number, time: number) => void;
}

/** Runs a lane until it waits for something that is not known yet, or to its end. Returns whether it has come to its end. */
export function advance(context: ComputeContext, lane: ComputeLane): boolean {
  for (; lane.action < lane.actions.length; lane.action++, lane.step = 0) {
    const action = lane.actions[lane.action];
    const steps = context.stepsOf(action);
    const chunks = chunkActions(action);
    for (; lane.step < steps.length; lane.step++) {
      const step = steps[lane.step];
      if (!runStep(context, lane, step, chunks[step.chunk], action)) return false;
    }
  }
  for (const flow of [...lane.pending.keys()]) if (!takeResult(lane, flow)) return false;
  return true;
}

/** False if what the step waits for is not known yet; then nothing has changed. */
function runStep(
  context: ComputeContext,
  lane: ComputeLane,
  step: LaneStep,
  chunk: ChunkAction,
  action: Action,
): boolean {
  if (step.kind === 'receive') return receive(context, lane, step, chunk, action);
  if (step.phase !== 'backwardWeight' && !takeResult(lane, sourceFlow(context, lane, chunk))) return false;
  if (step.kind === 'send') send(context, lane, step, chunk, action);
  if (step.kind !== 'segment') return true;
  const { time } = step;
  const { expertRank } = lane;
  occupy(lane, time.seconds[expertRank], step, action, '');
  if (time.lane === 'compute') return true;
  const text = { label: describe(step, action), stage: chunk.stage, microbatch: chunk.microbatch };
  const exchange = context.communication.post(lane, lane.time, time.transferSeconds, text);
  const unpackSeconds = time.unpackSeconds[expertRank];
  lane.pending.set(flowOf(context, chunk), { exchange, unpackSeconds, step, action });
  return true;
}

/** Waits for the transfer that the flow's last segment posted, if any, and unpacks its result. */
function takeResult(lane: ComputeLane, flow: number): boolean {
  const pending = lane.pending.get(flow);
  if (pending === undefined) return true;
  const { exchange, unpackSeconds, step, action } = pending;
  if (exchange.ends === undefined) return false;
  lane.pending.delete(flow);
  const end = exchange.ends[lane.expertRank];
  if (end > lane.time) {
    lane.exposedCommunication += end - lane.time;
    wait(lane, end, { kind: 'exposed', label: `wait for ${describe(step, action)}` });
  }
  occupy(lane, unpackSeconds, step, action, 'unpack ');
  return true;
}

function receive(
  { flat, times }: ComputeContext,
  lane: ComputeLane,
  step: LaneStep,
  chunk: ChunkAction,
  action: Action,
): boolean {
  const key = messageKey(flat, chunk);
  const arrival = lane.inbox.get(key);
  if (arrival === undefined) return false;
  lane.inbox.delete(key);
  if (arrival > lane.time) {
    lane.waiting += arrival - lane.time;
    wait(lane, arrival, { kind: 'idle', label: `wait for a message [${formatAction(action)}]` });
  }
  occupy(lane, times.message.receiveSeconds, step, action, '');
  return true;
}

function send(context: ComputeContext, lane: ComputeLane, step: LaneStep, chunk: ChunkAction, action: Action): void {
  const { flat, times, communication, deliver } = context;
  occupy(lane, times.message.sendSeconds, step, action, '');
  const { stage, microbatch } = chunk;
  const target = stage + (step.isForward ? flat.toNext : flat.toPrevious)[stage] / flat.microbatches;
  const key = messageKey(flat, { ...chunk, stage: target });
  const text = { label: `${stage}SEND_${step.isForward ? 'F' : 'B'}${microbatch}`, stage, microbatch };
  communication.send(lane, lane.time, times.message.transferSeconds, text, (time) =>
    deliver(target, lane.expertRank, key, time),
  );
}

/** Lets the lane wait until a time, and tells what for, as a recorded step does. */
function wait(lane: ComputeLane, until: number, { kind, label }: Pick<TimelineEvent, 'kind' | 'label'>): void {
  lane.events.push({ lane: 'compute', kind, label, start: lane.time, end: until, chunks: [] });
  lane.time = until;
}

/** Has the compute lane for `seconds`. */
function occupy(lane: ComputeLane, seconds: number, step: LaneStep, action: Action, prefix: string): void {
  if (seconds === 0) return;
  const { microbatch } = chunkActions(action)[step.chunk];
  lane.events.push({
    lane: 'compute',
    kind: step.phase,
    label: `${prefix}${describe(step, action)}`,
    start: lane.time,
    end: lane.time + seconds,
    chunks: [{ stage: step.stage, microbatch }],
  });
  lane.time += seconds;
  lane.compute += seconds;
}

function describe(step: LaneStep, action: Action): string {
  const name = step.kind === 'segment' ? `${step.name} ${step.phase} L${step.layer}` : step.kind;
  return `${name} [${formatAction(action)}]`;
}

/** Number of the data that passes from segment to segment and, within a rank, from stage to stage: a microbatch of a pipeline on its way forward or back. */
function flowOf({ flat, pipelineOf }: ComputeContext, { kind, stage, microbatch }: ChunkAction): number {
  return 2 * (pipelineOf[stage] * flat.microbatches + microbatch) + (kind === 'forward' ? 0 : 1);
}

/** The flow that the next segment of a chunk takes its data from: where the last stage turns, the backward begins with what the forward gave. */
function sourceFlow(context: ComputeContext, { pending }: ComputeLane, chunk: ChunkAction): number {
  const flow = flowOf(context, chunk);
  const turns = chunk.kind !== 'forward' && context.flat.toNext[chunk.stage] === 0;
  return turns && !pending.has(flow) ? flow - 1 : flow;
}

/** A message by the chunk that takes it. */
function messageKey(flat: FlatSchedule, { kind, stage, microbatch }: ChunkAction): number {
  return 2 * (stage * flat.microbatches + microbatch) + (kind === 'forward' ? 0 : 1);
}
