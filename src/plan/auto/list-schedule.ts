import { exceeds } from './evaluate.js';
import { chunkMemory, isInputOnly, type Order, type Problem, pairSaving, pairToken } from './problem.js';
import { createTournament } from './tournament.js';

/** How a rank that is free chooses among what it could run. Each microbatch's part comes in its turn at each stage. */
export interface Rule {
  /** What goes first; `alternate` takes the other kind than last time. */
  readonly prefer: 'backward' | 'forward' | 'alternate';
  /** Weight gradients: with their input gradient always, until the rank's last forward, or never (then they fill idle time and make room). */
  readonly weights: 'joined' | 'joinedUntilLast' | 'apart';
  /** Of several stages of a kind, whether the one furthest on its microbatch's way goes first, or the least far. */
  readonly furthest: boolean;
  /** Microbatches that may be alive on a rank at once, if memory allows. */
  readonly alive: number;
  /** How long a rank rather waits for a message that it knows to come than to begin a weight gradient, as a share of that one's time. */
  readonly patience: number;
  /** Whether a forward and a backward that are there together are overlapped, where that saves time. */
  readonly pairs: boolean;
}

/** What a rank would run next, and when. */
interface Choice {
  token: number;
  start: number;
}

interface State {
  readonly problem: Problem;
  readonly rule: Rule;
  /** `[stages]`: parts that have run. */
  readonly forwards: Int32Array;
  readonly backwards: Int32Array;
  readonly waitingWeights: Int32Array;
  /** `[stages]`: chunks alive. */
  readonly aliveChunks: Int32Array;
  /** `[stages * microbatches]`: when a stage's result is where it is needed. */
  readonly arrivesForward: Float64Array;
  readonly arrivesBackward: Float64Array;
  /** `[ranks]` */
  readonly free: Float64Array;
  readonly laneFree: Float64Array;
  readonly alive: Float64Array;
  readonly limit: Float64Array;
  readonly lastForward: Uint8Array;
  readonly lists: number[][];
}

/**
 * The order that comes out when every rank, whenever it is free, takes what the rule prefers of what is there; `undefined` if memory is too small for it. Room for one chunk of each later
 * stage and of each other pipeline is kept free, so that a rank full of early chunks never blocks the way of those that would free them.
 */
export function listSchedule(problem: Problem, rule: Rule): Order | undefined {
  const state = createState(problem, rule);
  const ranks = problem.placement.ranks;
  const choices = Array.from({ length: ranks }, () => ({ token: -1, start: 0 }));
  const earliest = createTournament(ranks);
  const update = (rank: number): void => {
    choose(state, rank, choices[rank]!);
    earliest.set(rank, choices[rank]!.start);
  };
  for (let rank = 0; rank < ranks; rank++) update(rank);
  for (let rank = earliest.winner(); choices[rank]!.token >= 0; rank = earliest.winner()) {
    const targets = commit(state, rank, choices[rank]!);
    update(rank);
    for (const target of targets) update(target);
  }
  const isWhole =
    state.backwards.every((count) => count === problem.microbatches) &&
    state.waitingWeights.every((count) => count === 0);
  return isWhole ? state.lists.map((list) => Int32Array.from(list)) : undefined;
}

function createState(problem: Problem, rule: Rule): State {
  const { stages, microbatches, placement, stagesOf, budget } = problem;
  const ranks = placement.ranks;
  const chains = placement.pipelines.length;
  const limit = Float64Array.from(stagesOf, (own, rank) => {
    const passage = own.reduce((sum, stage) => sum + chunkMemory(problem, stage), 0);
    return Math.min(budget[rank]!, Math.max(passage, (rule.alive * passage) / chains));
  });
  return {
    problem,
    rule,
    forwards: new Int32Array(stages),
    backwards: new Int32Array(stages),
    waitingWeights: new Int32Array(stages),
    aliveChunks: new Int32Array(stages),
    arrivesForward: new Float64Array(stages * microbatches),
    arrivesBackward: new Float64Array(stages * microbatches),
    free: new Float64Array(ranks),
    laneFree: new Float64Array(ranks),
    alive: new Float64Array(ranks),
    limit,
    lastForward: new Uint8Array(ranks),
    lists: Array.from({ length: ranks }, () => []),
  };
}

/** Best of a kind: a stage, and when its part could start. */
const found = {
  forward: { stage: -1, start: 0 },
  backward: { stage: -1, start: 0 },
};

function choose(state: State, rank: number, choice: Choice): void {
  const { problem, rule } = state;
  const now = state.free[rank]!;
  const { forward, backward } = found;
  findForward(state, rank, now);
  findBackward(state, rank, now);
  choice.token = -1;
  choice.start = Number.POSITIVE_INFINITY;
  if (rule.pairs && forward.stage >= 0 && backward.stage >= 0) {
    const saving = pairSaving(problem, forward.stage, backward.stage);
    const start = Math.max(forward.start, backward.start);
    if (saving > 1e-12 && start <= now + saving) {
      choice.token = pairToken(problem, forward.stage, backward.stage);
      choice.start = start;
      return;
    }
  }
  if (forward.stage >= 0 || backward.stage >= 0) {
    const isForward = prefersForward(state, rank);
    choice.token = isForward ? forward.stage : backwardToken(state, rank, backward.stage);
    choice.start = isForward ? forward.start : backward.start;
  }
  fillWithWeight(state, rank, now, choice);
}

/** Of the two that were found: what is earlier, and at the same time what the rule prefers. */
function prefersForward({ rule, lastForward }: State, rank: number): boolean {
  const { forward, backward } = found;
  if (forward.stage < 0 || backward.stage < 0) return forward.stage >= 0;
  if (forward.start !== backward.start) return forward.start < backward.start;
  return rule.prefer === 'forward' || (rule.prefer === 'alternate' && lastForward[rank] === 0);
}

function backwardToken({ problem, rule, forwards }: State, rank: number, stage: number): number {
  const { stages, microbatches, stagesOf } = problem;
  const isJoined =
    rule.weights === 'joined' ||
    (rule.weights === 'joinedUntilLast' && stagesOf[rank]!.some((own) => forwards[own]! < microbatches));
  return isJoined ? stages + stage : 2 * stages + stage;
}

function fillWithWeight({ problem, rule, waitingWeights }: State, rank: number, now: number, choice: Choice): void {
  if (choice.start <= now) return;
  let weight = -1;
  for (const stage of problem.stagesOf[rank]!) {
    if (waitingWeights[stage]! > 0 && (weight < 0 || waitingWeights[stage]! > waitingWeights[weight]!)) weight = stage;
  }
  if (weight < 0) return;
  const token = 3 * problem.stages + weight;
  if (choice.start < now + rule.patience * problem.duration[token]!) return;
  choice.token = token;
  choice.start = now;
}

function findForward(state: State, rank: number, now: number): void {
  const { problem, forwards, rule } = state;
  const { microbatches, previous, positionOf } = problem;
  const best = found.forward;
  best.stage = -1;
  for (const stage of problem.stagesOf[rank]!) {
    const microbatch = forwards[stage]!;
    const before = previous[stage]!;
    if (microbatch === microbatches || (before >= 0 && forwards[before]! <= microbatch)) continue;
    const ready = before < 0 ? 0 : state.arrivesForward[before * microbatches + microbatch]!;
    const start = Math.max(now, ready);
    if (!isBetter(best, start, stage, positionOf[stage]! > (positionOf[best.stage] ?? -1) === rule.furthest)) continue;
    if (!hasRoom(state, rank, stage)) continue;
    best.stage = stage;
    best.start = start;
  }
}

function findBackward({ problem, backwards, forwards, arrivesBackward, rule }: State, rank: number, now: number): void {
  const { microbatches, next, positionOf } = problem;
  const best = found.backward;
  best.stage = -1;
  for (const stage of problem.stagesOf[rank]!) {
    const microbatch = backwards[stage]!;
    const after = next[stage]!;
    if (forwards[stage]! <= microbatch || (after >= 0 && backwards[after]! <= microbatch)) continue;
    const ready = after < 0 ? 0 : arrivesBackward[after * microbatches + microbatch]!;
    const start = Math.max(now, ready);
    if (!isBetter(best, start, stage, positionOf[stage]! < (positionOf[best.stage] ?? -1) === rule.furthest)) continue;
    best.stage = stage;
    best.start = start;
  }
}

function isBetter(best: { stage: number; start: number }, start: number, stage: number, isPreferred: boolean): boolean {
  return best.stage < 0 || start < best.start || (start === best.start && stage !== best.stage && isPreferred);
}

function hasRoom({ problem, forwards, aliveChunks, alive, limit }: State, rank: number, stage: number): boolean {
  const { microbatches, pipelineOf, positionOf, stagesOf } = problem;
  if (limit[rank] === Number.POSITIVE_INFINITY) return true;
  let needed = alive[rank]! + chunkMemory(problem, stage);
  for (const other of stagesOf[rank]!) {
    const isAhead = pipelineOf[other] !== pipelineOf[stage] || positionOf[other]! > positionOf[stage]!;
    if (other !== stage && isAhead && forwards[other]! < microbatches && aliveChunks[other] === 0) {
      needed += chunkMemory(problem, other);
    }
  }
  return !exceeds(needed, limit[rank]!);
}

/** Runs the choice; gives the ranks that its results go to. */
function commit(state: State, rank: number, { token, start }: Choice): number[] {
  const { problem, forwards, backwards, waitingWeights } = state;
  const { microbatches, next, previous } = problem;
  const forward = problem.forwardOf[token]!;
  const backward = problem.backwardOf[token]!;
  const weight = problem.weightOf[token]!;
  const stop = start + problem.duration[token]!;
  const targets: number[] = [];
  state.lists[rank]!.push(token);
  state.free[rank] = stop;
  if (forward >= 0) {
    const cell = forward * microbatches + forwards[forward]!++;
    state.arrivesForward[cell] = send(state, rank, next[forward]!, stop, targets);
    state.alive[rank]! += chunkMemory(problem, forward);
    state.aliveChunks[forward]!++;
    state.lastForward[rank] = 1;
  }
  if (backward >= 0) {
    const cell = backward * microbatches + backwards[backward]!++;
    state.arrivesBackward[cell] = send(state, rank, previous[backward]!, stop, targets);
    state.alive[rank]! -= problem.untilInput[backward]!;
    if (isInputOnly(problem, token)) waitingWeights[backward]!++;
    else freeChunk(state, rank, backward);
    state.lastForward[rank] = 0;
  }
  if (weight >= 0) {
    waitingWeights[weight]!--;
    freeChunk(state, rank, weight);
  }
  return targets;
}

function freeChunk({ problem, alive, aliveChunks }: State, rank: number, stage: number): void {
  alive[rank]! -= problem.untilWeight[stage]!;
  aliveChunks[stage]!--;
}

function send({ problem, laneFree }: State, rank: number, target: number, stop: number, targets: number[]): number {
  const owner = target < 0 ? rank : problem.stageToRank[target]!;
  if (owner === rank) return stop;
  targets.push(owner);
  const arrives = problem.p2p === 0 ? stop : Math.max(stop, laneFree[rank]!) + problem.p2p;
  laneFree[rank] = arrives;
  return arrives;
}
