import { isInputOnly, type Order, type Problem } from './problem.js';

/** Tables that times an order of one problem, used again for the next: `createRun` makes them, `runOrder` fills them. */
export interface Run {
  readonly problem: Problem;
  /** Most tokens of a rank: token `position` of a rank has the number `rank * stride + position`. */
  readonly stride: number;
  /** `[tokens]`: 1 if it frees its backward's chunk; 1 if it leaves a weight gradient for later. */
  readonly isFull: Uint8Array;
  readonly isInput: Uint8Array;
  /** `[stages]`: how many have run. */
  readonly forwards: Int32Array;
  readonly backwards: Int32Array;
  readonly waitingWeights: Int32Array;
  /** `[stages * microbatches]`: when a result is where it is needed, and the number of the token that made it. */
  readonly arrivesForward: Float64Array;
  readonly arrivesBackward: Float64Array;
  readonly makerForward: Int32Array;
  readonly makerBackward: Int32Array;
  /** `[ranks]` */
  readonly positions: Int32Array;
  readonly finish: Float64Array;
  readonly laneFree: Float64Array;
  readonly alive: Float64Array;
  readonly peak: Float64Array;
  readonly awake: Int32Array;
  readonly isAwake: Uint8Array;
  awakeCount: number;
  /** `[ranks * stride]`: the number of the token whose message it waited for; -1 if it followed the one before. */
  readonly cause: Int32Array;
}

/** Tables for the orders of a problem. */
export function createRun(problem: Problem): Run {
  const { microbatches, stages, placement, duration, backwardOf, stagesOf } = problem;
  const stride = 3 * microbatches * Math.max(...stagesOf.map((own) => own.length));
  const isInput = Uint8Array.from(duration, (_, token) => (isInputOnly(problem, token) ? 1 : 0));
  const cells = stages * microbatches;
  return {
    problem,
    stride,
    isInput,
    isFull: Uint8Array.from(duration, (_, token) => (backwardOf[token]! >= 0 && isInput[token] === 0 ? 1 : 0)),
    forwards: new Int32Array(stages),
    backwards: new Int32Array(stages),
    waitingWeights: new Int32Array(stages),
    arrivesForward: new Float64Array(cells),
    arrivesBackward: new Float64Array(cells),
    makerForward: new Int32Array(cells),
    makerBackward: new Int32Array(cells),
    positions: new Int32Array(placement.ranks),
    finish: new Float64Array(placement.ranks),
    laneFree: new Float64Array(placement.ranks),
    alive: new Float64Array(placement.ranks),
    peak: new Float64Array(placement.ranks),
    awake: new Int32Array(placement.ranks),
    isAwake: new Uint8Array(placement.ranks),
    awakeCount: 0,
    cause: new Int32Array(placement.ranks * stride),
  };
}

/**
 * The makespan of an order; Infinity if it does not end, or a rank exceeds its memory. The rules are those of `simulate`, whose makespan this gives (tests hold the two together); it does
 * without all else, so that a search can ask many thousand times. Linear in the number of tokens.
 */
export function runOrder(run: Run, order: Order): number {
  const { positions, finish, awake, isAwake, stride } = run;
  resetRun(run);
  while (run.awakeCount > 0) {
    const rank = awake[--run.awakeCount]!;
    const list = order[rank]!;
    let position = positions[rank]!;
    while (position < list.length && runToken(run, rank, list[position]!, rank * stride + position)) {
      if (!keepsMemory(run, rank, list[position]!)) return Number.POSITIVE_INFINITY;
      position++;
    }
    positions[rank] = position;
    isAwake[rank] = 0;
  }
  let makespan = 0;
  for (let rank = 0; rank < order.length; rank++) {
    if (positions[rank]! < order[rank]!.length) return Number.POSITIVE_INFINITY;
    if (finish[rank]! > makespan) makespan = finish[rank]!;
  }
  return makespan;
}

function resetRun(run: Run): void {
  const { forwards, backwards, waitingWeights, positions, finish, laneFree, alive, peak, awake } = run;
  for (const table of [forwards, backwards, waitingWeights, positions]) table.fill(0);
  for (const table of [finish, laneFree, alive, peak]) table.fill(0);
  run.isAwake.fill(1);
  const ranks = awake.length;
  for (let rank = 0; rank < ranks; rank++) awake[rank] = ranks - 1 - rank;
  run.awakeCount = ranks;
}

/** Runs a token if what it needs has run. */
function runToken(run: Run, rank: number, token: number, number: number): boolean {
  const { problem, forwards, backwards, waitingWeights, arrivesForward, arrivesBackward } = run;
  const { microbatches } = problem;
  const forward = problem.forwardOf[token]!;
  const backward = problem.backwardOf[token]!;
  const weight = problem.weightOf[token]!;
  let begin = run.finish[rank]!;
  let cause = -1;
  if (forward >= 0) {
    const before = problem.previous[forward]!;
    const microbatch = forwards[forward]!;
    if (before >= 0) {
      if (forwards[before]! <= microbatch) return false;
      const cell = before * microbatches + microbatch;
      if (arrivesForward[cell]! > begin) {
        begin = arrivesForward[cell]!;
        cause = run.makerForward[cell]!;
      }
    }
  }
  if (backward >= 0) {
    const after = problem.next[backward]!;
    const microbatch = backwards[backward]!;
    if (forwards[backward]! <= microbatch) return false;
    if (after >= 0) {
      if (backwards[after]! <= microbatch) return false;
      const cell = after * microbatches + microbatch;
      if (arrivesBackward[cell]! > begin) {
        begin = arrivesBackward[cell]!;
        cause = run.makerBackward[cell]!;
      }
    }
  }
  if (weight >= 0) {
    if (waitingWeights[weight] === 0) return false;
    waitingWeights[weight]!--;
  }
  run.cause[number] = cause;
  const stop = begin + problem.duration[token]!;
  run.finish[rank] = stop;
  if (forward >= 0) passForward(run, rank, forward, stop, number);
  if (backward >= 0) passBackward(run, rank, backward, stop, number);
  if (run.isInput[token] === 1) waitingWeights[backward]!++;
  return true;
}

function passForward(run: Run, rank: number, stage: number, stop: number, number: number): void {
  const cell = stage * run.problem.microbatches + run.forwards[stage]!;
  run.forwards[stage]!++;
  run.makerForward[cell] = number;
  run.arrivesForward[cell] = sendResult(run, rank, run.problem.next[stage]!, stop);
}

function passBackward(run: Run, rank: number, stage: number, stop: number, number: number): void {
  const cell = stage * run.problem.microbatches + run.backwards[stage]!;
  run.backwards[stage]!++;
  run.makerBackward[cell] = number;
  run.arrivesBackward[cell] = sendResult(run, rank, run.problem.previous[stage]!, stop);
}

/** When a result is at stage `target`, whose rank wakes; messages of a rank leave one at a time. */
function sendResult(run: Run, rank: number, target: number, stop: number): number {
  const { problem, isAwake, laneFree } = run;
  const owner = target < 0 ? rank : problem.stageToRank[target]!;
  if (owner === rank) return stop;
  if (isAwake[owner] === 0) {
    isAwake[owner] = 1;
    run.awake[run.awakeCount++] = owner;
  }
  if (problem.p2p === 0) return stop;
  const arrives = Math.max(stop, laneFree[rank]!) + problem.p2p;
  laneFree[rank] = arrives;
  return arrives;
}

/** A pair's forward counts before its backward frees, as in `peakActivations`. */
function keepsMemory({ problem, alive, peak, isFull }: Run, rank: number, token: number): boolean {
  const { untilInput, untilWeight, forwardOf, backwardOf, weightOf } = problem;
  const forward = forwardOf[token]!;
  if (forward >= 0) {
    alive[rank]! += untilInput[forward]! + untilWeight[forward]!;
    if (alive[rank]! > peak[rank]!) peak[rank] = alive[rank]!;
    if (exceeds(alive[rank]!, problem.budget[rank]!)) return false;
  }
  const backward = backwardOf[token]!;
  if (backward >= 0) alive[rank]! -= untilInput[backward]!;
  const freed = isFull[token] === 1 ? backward : weightOf[token]!;
  if (freed >= 0) alive[rank]! -= untilWeight[freed]!;
  return true;
}

/** Sums of fractions of a chunk may come out a little above. */
export function exceeds(amount: number, budget: number): boolean {
  return amount > budget * (1 + 1e-9) + 1e-12;
}

/** The longest chain of the last order that ran, last first: calls `visit` with rank and position of each of its tokens. */
export function visitCritical(
  { finish, cause, stride }: Run,
  order: Order,
  visit: (rank: number, position: number) => void,
): void {
  let rank = finish.indexOf(Math.max(...finish));
  let position = order[rank]!.length - 1;
  while (position >= 0) {
    visit(rank, position);
    const maker = cause[rank * stride + position]!;
    if (maker >= 0) rank = Math.floor(maker / stride);
    position = maker >= 0 ? maker % stride : position - 1;
  }
}
