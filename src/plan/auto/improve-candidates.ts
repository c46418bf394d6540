import { createRandom } from '../../base/index.js';
import { improve, isAtBound, type Timed } from './improve.js';
import type { Problem } from './problem.js';

/** How much is tried. */
export interface ImprovementOptions {
  /** Changed orders that are tried. Default: so many that it takes seconds. */
  readonly iterations?: number;
  /** Default: 0. */
  readonly seed?: number;
  /** Called now and then. */
  onProgress?(progress: { readonly done: number; readonly iterations: number; readonly makespan: number }): void;
}

/** Steps of tokens that improvement may take by default: seconds. */
const improveWork = 1.2e8;

const rounds = 4;

/** An order of a problem, with its makespan. */
export interface Candidate extends Timed {
  readonly problem: Problem;
  readonly name: string;
  /** The most that chunks hold on a rank. */
  readonly peak: number;
}

/** The faster first; of those that are as fast the one that holds less: one copy of the model, fewer live chunks, fewer stages. */
export function compareCandidates(a: Candidate, b: Candidate): number {
  if (Math.abs(a.makespan - b.makespan) > 1e-9 * b.makespan) return a.makespan - b.makespan;
  const copies = ({ problem }: Candidate) => problem.placement.pipelines.length;
  return copies(a) - copies(b) || a.peak - b.peak || a.problem.stages - b.problem.stages;
}

/** Improves the best of each placement a little, then the best of all; `sorted` as `compareCandidates` sorts, and not empty. */
export function improveCandidates(
  request: ImprovementOptions,
  sorted: readonly Candidate[],
  bound: number,
): { start: Candidate; best: Candidate } {
  const { seed = 0, onProgress } = request;
  const [first] = sorted as [Candidate, ...Candidate[]];
  const tokens = 3 * first.problem.stages * first.problem.microbatches;
  const iterations = request.iterations ?? Math.min(120_000, Math.max(300, Math.floor(improveWork / tokens)));
  const starts = pickStarts(sorted);
  let done = 0;
  let makespan = first.makespan;
  const advance = (from: Candidate, origin: Candidate, share: number, label: string) => {
    const count = Math.floor(iterations * share);
    const random = createRandom(seed, 'auto', label);
    const timed = improve({ problem: from.problem, start: from, iterations: count, random, bound });
    done += count;
    makespan = Math.min(makespan, timed.makespan);
    onProgress?.({ done, iterations, makespan });
    return { origin, best: { ...from, ...timed } };
  };
  let pool = starts.map((start, index) => advance(start, start, 0.5 / starts.length, `first ${index}`));
  for (let round = 0; round < rounds; round++) {
    pool.sort((a, b) => compareCandidates(a.best, b.best));
    if (isAtBound(pool[0]!.best.makespan, bound)) break;
    pool = pool.slice(0, Math.max(1, 2 - round));
    const share = 0.5 / rounds / pool.length;
    pool = pool.map(({ origin, best }, index) => advance(best, origin, share, `round ${round} ${index}`));
  }
  pool.sort((a, b) => compareCandidates(a.best, b.best));
  return { start: pool[0]!.origin, best: pool[0]!.best };
}

/** The best candidates, at most two of a placement and eight in all. */
function pickStarts(sorted: readonly Candidate[]): Candidate[] {
  const counts = new Map<string, number>();
  const picked = sorted.filter(({ problem }) => {
    const key = JSON.stringify([problem.placement.pipelines, problem.placement.stageToRank]);
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count <= 2;
  });
  return picked.slice(0, 8);
}
