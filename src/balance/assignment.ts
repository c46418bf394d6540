/**
 * The assignment of rows to columns with the least sum of costs, each row one column and each column one row: `cost` is `[size, size]`, row-major, finite. Gives
 * the column of each row. The Hungarian method with shortest augmenting paths (Jonker and Volgenant, "A Shortest Augmenting Path Algorithm for Dense and Sparse Linear
 * Assignment Problems", Computing 38, 1987), O(size^3).
 */
export function assignLeastCost(cost: Float64Array, size: number): Int32Array {
  // Row and column 0 are sentinels; potentials keep all reduced costs non-negative.
  const rowPotential = new Float64Array(size + 1);
  const columnPotential = new Float64Array(size + 1);
  const rowOf = new Int32Array(size + 1);
  const previous = new Int32Array(size + 1);
  for (let row = 1; row <= size; row++) {
    rowOf[0] = row;
    const distance = new Float64Array(size + 1).fill(Number.POSITIVE_INFINITY);
    const isDone = new Uint8Array(size + 1);
    let column = 0;
    do {
      isDone[column] = 1;
      const current = rowOf[column]!;
      let step = Number.POSITIVE_INFINITY;
      let next = 0;
      for (let other = 1; other <= size; other++) {
        if (isDone[other] === 1) continue;
        const reduced = cost[(current - 1) * size + other - 1]! - rowPotential[current]! - columnPotential[other]!;
        if (reduced < distance[other]!) {
          distance[other] = reduced;
          previous[other] = column;
        }
        if (distance[other]! < step) {
          step = distance[other]!;
          next = other;
        }
      }
      for (let other = 0; other <= size; other++) {
        if (isDone[other] === 1) {
          rowPotential[rowOf[other]!]! += step;
          columnPotential[other]! -= step;
        } else {
          distance[other]! -= step;
        }
      }
      column = next;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      rowOf[column] = rowOf[previous[column]!]!;
      column = previous[column]!;
    }
  }
  const columnOf = new Int32Array(size);
  for (let column = 1; column <= size; column++) columnOf[rowOf[column]! - 1] = column - 1;
  return columnOf;
}
