import {
  type ChunkAction,
  type CommunicationAction,
  chunkActions,
  isCommunication,
  type LoweredAction,
} from './action.js';
import { microbatchesPerPipeline, type Schedule } from './schedule.js';

/** What the ranks have done so far: sets of texts, so that nothing is shared with the checker's columns. */
interface World {
  readonly schedule: Schedule;
  readonly hasWaits: boolean;
  readonly hasMessages: boolean;
  /** `forward 0 3`, `sendForward 0 3`, `reduceGrad 0`: what has run. */
  readonly done: Set<string>;
  /** `0>1`: names of the messages that rank 1 is ready to receive from rank 0, in order. */
  readonly posted: Map<string, string[]>;
  /** Ranks that stand at a sum of gradients of a stage. */
  readonly arrived: Set<string>;
  readonly gathered: Map<number, boolean>;
  readonly sharded: ReadonlySet<number>;
  readonly pending: Map<number, number>;
}

/** Something that no waiting can mend. */
class Fault extends Error {}

/**
 * Runs a schedule the slow and plain way: scans the ranks again and again, and lets whoever can go one action on. Nothing is buffered: a send ends when
 * its receive is the oldest posted one of that pair of ranks. True if all ranks end and every chunk has run as it must.
 */
export function finishesByBruteForce(schedule: Schedule, lists: readonly (readonly LoweredAction[])[]): boolean {
  const all = lists.flat();
  const world: World = {
    schedule,
    hasMessages: all.some(isCommunication),
    hasWaits: all.some(({ kind }) => kind.startsWith('wait')),
    done: new Set(),
    posted: new Map(),
    arrived: new Set(),
    gathered: new Map(),
    sharded: new Set(
      all.flatMap((action) => (action.kind === 'unshard' || action.kind === 'reshard' ? action.stage : [])),
    ),
    pending: new Map(),
  };
  const next = lists.map(() => 0);
  try {
    for (let hasMoved = true; hasMoved; ) {
      hasMoved = false;
      for (const [rank, list] of lists.entries()) {
        const action = list[next[rank] as number];
        if (action === undefined || !runs(world, rank, action)) continue;
        next[rank] = (next[rank] as number) + 1;
        hasMoved = true;
      }
    }
  } catch (error) {
    if (error instanceof Fault) return false;
    throw error;
  }
  return next.every((position, rank) => position === lists[rank]?.length) && isComplete(world, all);
}

function require(condition: boolean): void {
  if (!condition) throw new Fault();
}

/** Runs an action if it can run now; throws where it never may. */
function runs(world: World, rank: number, action: LoweredAction): boolean {
  const { stageToRank } = world.schedule;
  if (isCommunication(action)) {
    require(stageToRank[action.stage] === rank);
    return communicates(world, rank, action);
  }
  const chunks = chunkActions(action);
  if (!chunks.every((chunk) => canCompute(world, rank, chunk))) return false;
  for (const { kind, stage, microbatch } of chunks) world.done.add(`${kind} ${stage} ${microbatch}`);
  return true;
}

function canCompute(world: World, rank: number, { kind, stage, microbatch }: ChunkAction): boolean {
  const { schedule, done } = world;
  require(schedule.stageToRank[stage] === rank && microbatch < microbatchesPerPipeline(schedule));
  require(!world.sharded.has(stage) || world.gathered.get(stage) === true);
  const has = (what: string): boolean => done.has(`${what} ${stage} ${microbatch}`);
  require(!has(kind));
  if (kind === 'backward') require(!has('backwardInput') && !has('backwardWeight'));
  if (kind === 'backwardInput' || kind === 'backwardWeight') require(!has('backward'));
  if (kind === 'forward') return hasInput(world, stage, microbatch, -1);
  if (kind === 'backwardWeight') return has('backwardInput');
  return has('forward') && hasInput(world, stage, microbatch, 1);
}

/** The stage `step` places further in its chain. */
function neighbour({ schedule }: World, stage: number, step: number): number | undefined {
  const chain = schedule.pipelines.find((stages) => stages.includes(stage)) ?? [];
  return chain[chain.indexOf(stage) + step];
}

function hasInput(world: World, stage: number, microbatch: number, step: number): boolean {
  const peer = neighbour(world, stage, step);
  if (peer === undefined) return true;
  const { stageToRank } = world.schedule;
  const isHere = stageToRank[peer] === stageToRank[stage];
  if (world.hasMessages && !isHere) {
    return world.done.has(`${step === -1 ? 'sendForward' : 'sendBackward'} ${peer} ${microbatch}`);
  }
  const outputs = step === -1 ? ['forward'] : ['backward', 'backwardInput'];
  return outputs.some((kind) => world.done.has(`${kind} ${peer} ${microbatch}`));
}

function communicates(world: World, rank: number, action: CommunicationAction): boolean {
  const { done, gathered } = world;
  const { stage } = action;
  switch (action.kind) {
    case 'unshard':
    case 'reshard':
      require((gathered.get(stage) ?? false) === (action.kind === 'reshard'));
      gathered.set(stage, action.kind === 'unshard');
      return true;
    case 'reduceGrad':
      return reduces(world, rank, stage);
    case 'waitReduceGrad':
      require(world.pending.get(rank) === stage);
      world.pending.delete(rank);
      return true;
    case 'waitSendForward':
    case 'waitSendBackward': {
      const sent = `${action.kind === 'waitSendForward' ? 'sendForward' : 'sendBackward'} ${stage} ${action.microbatch}`;
      const name = `${action.kind} ${stage} ${action.microbatch}`;
      require(done.has(sent) && !done.has(name));
      done.add(name);
      return true;
    }
    default:
      return exchanges(world, action.kind, stage, action.microbatch);
  }
}

function exchanges(
  world: World,
  kind: 'sendForward' | 'receiveForward' | 'sendBackward' | 'receiveBackward',
  stage: number,
  microbatch: number,
): boolean {
  const { done, posted, schedule } = world;
  const isForward = kind.endsWith('Forward');
  const isSend = kind.startsWith('send');
  const peer = neighbour(world, stage, isForward === isSend ? 1 : -1);
  require(peer !== undefined && microbatch < microbatchesPerPipeline(schedule));
  const [sender, receiver] = isSend ? [stage, peer as number] : [peer as number, stage];
  const [from, to] = [schedule.stageToRank[sender], schedule.stageToRank[receiver]];
  require(from !== to && !done.has(`${kind} ${stage} ${microbatch}`));
  const queue = posted.get(`${from}>${to}`) ?? [];
  posted.set(`${from}>${to}`, queue);
  const name = `${isForward ? 'forward' : 'backward'} ${sender} ${microbatch}`;
  if (isSend) {
    const outputs = isForward ? ['forward'] : ['backward', 'backwardInput'];
    require(outputs.some((output) => done.has(`${output} ${stage} ${microbatch}`)));
    if (queue.length === 0) return false;
    require(queue.shift() === name);
  } else queue.push(name);
  done.add(`${kind} ${stage} ${microbatch}`);
  return true;
}

function reduces(world: World, rank: number, stage: number): boolean {
  const { schedule, done, arrived, pending } = world;
  require(!done.has(`reduceGrad ${stage}`) && hasAllGradients(world, stage));
  require(!world.hasWaits || !pending.has(rank));
  arrived.add(`${stage}`);
  const place = schedule.pipelines.find((chain) => chain.includes(stage))?.indexOf(stage) ?? -1;
  if (!schedule.pipelines.every((chain) => arrived.has(`${chain[place]}`))) return false;
  done.add(`reduceGrad ${stage}`);
  pending.set(rank, stage);
  return true;
}

function hasAllGradients({ schedule, done }: World, stage: number): boolean {
  return Array.from({ length: microbatchesPerPipeline(schedule) }, (_, microbatch) => `${stage} ${microbatch}`).every(
    (chunk) => done.has(`backward ${chunk}`) || done.has(`backwardWeight ${chunk}`),
  );
}

function isComplete(world: World, all: readonly LoweredAction[]): boolean {
  const { schedule, done, posted, gathered, hasWaits, hasMessages } = world;
  const stages = schedule.stageToRank.map((_, stage) => stage);
  const each = microbatchesPerPipeline(schedule);
  const hasForwards = stages.every((stage) =>
    Array.from({ length: each }, (_, microbatch) => done.has(`forward ${stage} ${microbatch}`)).every(Boolean),
  );
  if (!hasForwards || !stages.every((stage) => hasAllGradients(world, stage))) return false;
  if ([...posted.values()].some((queue) => queue.length > 0) || [...gathered.values()].includes(true)) return false;
  const needsSums = all.some(({ kind }) => kind === 'reduceGrad') || (hasMessages && schedule.pipelines.length > 1);
  if (needsSums && !stages.every((stage) => done.has(`reduceGrad ${stage}`))) return false;
  if (!hasWaits) return true;
  if (world.pending.size > 0) return false;
  return [...done].every((name) => !name.startsWith('send') || done.has(`waitS${name.slice(1)}`));
}
