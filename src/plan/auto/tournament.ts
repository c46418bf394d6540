/** Finds the least of many times, of which few change at a time. */
export interface Tournament {
  set(index: number, time: number): void;
  /** The index of the least time, the first of equal ones. */
  winner(): number;
}

/** A tournament of `count` times, all Infinity at first: each change costs as many comparisons as the tree of matches is high. */
export function createTournament(count: number): Tournament {
  let leaves = 1;
  while (leaves < count) leaves *= 2;
  const times = new Float64Array(leaves).fill(Number.POSITIVE_INFINITY);
  // Node n has the nodes 2n and 2n + 1 below it; the leaves are the nodes from `leaves` on.
  const winners = Int32Array.from({ length: 2 * leaves }, (_, node) => Math.max(0, node - leaves));
  const replay = (node: number): void => {
    const [left, right] = [winners[2 * node]!, winners[2 * node + 1]!];
    winners[node] = times[right]! < times[left]! ? right : left;
  };
  for (let node = leaves - 1; node >= 1; node--) replay(node);
  return {
    set(index, time) {
      times[index] = time;
      for (let node = (leaves + index) >> 1; node >= 1; node >>= 1) replay(node);
    },
    winner: () => winners[1]!,
  };
}
