/**
 * Cuts a chain of parts into `stages` runs, none empty, whose largest sum is as small as it can be, and of those splits one with the smallest sum of
 * squares, so that the rest is even too. Gives the end of each run. Needs at least as many parts as stages.
 */
export function splitEvenly(seconds: readonly number[], stages: number): number[] {
  const before = [0];
  for (const time of seconds) before.push((before[before.length - 1] as number) + time);
  return splitWithin(before, stages, smallestLargest(seconds, stages));
}

/** The smallest bound, but for rounding, under which the parts fit into so many runs. */
function smallestLargest(seconds: readonly number[], stages: number): number {
  let low = Math.max(...seconds);
  let high = seconds.reduce((sum, time) => sum + time, 0);
  while (high - low > 1e-9 * high) {
    const middle = (low + high) / 2;
    if (countRuns(seconds, middle) <= stages) high = middle;
    else low = middle;
  }
  return high * (1 + 1e-9);
}

/** The fewest runs of which none is longer than `most`. Fewer than asked for is no loss: a run can always be cut. */
function countRuns(seconds: readonly number[], most: number): number {
  let runs = 1;
  let run = 0;
  for (const time of seconds) {
    if (run + time > most) {
      runs++;
      run = 0;
    }
    run += time;
  }
  return runs;
}

/** The split with the smallest sum of squares of which no run is longer than `most`. */
function splitWithin(before: readonly number[], stages: number, most: number): number[] {
  const parts = before.length - 1;
  const from: Int32Array[] = [];
  let best = new Float64Array(parts + 1).fill(Number.POSITIVE_INFINITY);
  best[0] = 0;
  for (let stage = 0; stage < stages; stage++) {
    const next = new Float64Array(parts + 1).fill(Number.POSITIVE_INFINITY);
    const starts = new Int32Array(parts + 1);
    for (let end = stage + 1; end <= parts; end++) {
      for (let start = end - 1; start >= stage; start--) {
        const run = (before[end] as number) - (before[start] as number);
        if (run > most) break;
        const cost = (best[start] as number) + run * run;
        if (cost >= (next[end] as number)) continue;
        next[end] = cost;
        starts[end] = start;
      }
    }
    from.push(starts);
    best = next;
  }
  const ends = [parts];
  for (let stage = stages - 1; stage > 0; stage--)
    ends.unshift((from[stage] as Int32Array)[ends[0] as number] as number);
  return ends;
}

/**
 * Moves one part at a time from a stage to another (all stages between them shift) while that makes `cost` less, the best move first. No stage
 * becomes empty. Gives the ends of the stages.
 */
export function improveSplit(ends: readonly number[], cost: (ends: readonly number[]) => number): number[] {
  let best = [...ends];
  let least = cost(best);
  for (;;) {
    let found: number[] | undefined;
    for (const candidate of listMoves(best)) {
      const value = cost(candidate);
      if (value >= least * (1 - 1e-9)) continue;
      found = candidate;
      least = value;
    }
    if (found === undefined) return best;
    best = found;
  }
}

/** Splits in which the ends from one stage to another lie one part further or nearer. */
function* listMoves(ends: readonly number[]): Generator<number[]> {
  const last = ends.length - 1;
  for (let first = 0; first < last; first++) {
    for (let end = first + 1; end <= last; end++) {
      for (const step of [1, -1]) {
        const moved = ends.map((value, stage) => (stage >= first && stage < end ? value + step : value));
        if (moved.every((value, stage) => value > (stage === 0 ? 0 : (moved[stage - 1] as number)))) yield moved;
      }
    }
  }
}
