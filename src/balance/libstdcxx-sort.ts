/**
 * Sorts `order` (positions in `keys`) by descending key, exactly as PyTorch's `sort(descending=True)` does on the CPU: with libstdc++'s `std::sort`, an introsort
 * that is not stable, so that the order of equal keys is the order which this algorithm happens to leave. Source: GCC's bits/stl_algo.h and bits/stl_heap.h
 * (`__introsort_loop`, `__final_insertion_sort`, `__partial_sort`), followed step by step.
 */
export function sortDescending(order: Int32Array, keys: Float32Array, length: number): void {
  if (length < 2) return;
  introsort(order, keys, 0, length, 2 * Math.floor(Math.log2(length)));
  finalInsertionSort(order, keys, length);
}

const THRESHOLD = 16;

function introsort(order: Int32Array, keys: Float32Array, first: number, end: number, depth: number): void {
  let last = end;
  let left = depth;
  while (last - first > THRESHOLD) {
    if (left === 0) {
      heapSort(order, keys, first, last);
      return;
    }
    left -= 1;
    const cut = partitionAroundMedian(order, keys, first, last);
    introsort(order, keys, cut, last, left);
    last = cut;
  }
}

/** `__unguarded_partition_pivot`: the median of three goes to the front and is the pivot. */
function partitionAroundMedian(order: Int32Array, keys: Float32Array, first: number, last: number): number {
  const middle = first + ((last - first) >> 1);
  swap(order, first, medianOfThree(order, keys, first + 1, middle, last - 1));
  const pivot = keys[order[first]!]!;
  let low = first + 1;
  let high = last;
  for (;;) {
    while (keys[order[low]!]! > pivot) low += 1;
    high -= 1;
    while (pivot > keys[order[high]!]!) high -= 1;
    if (low >= high) return low;
    swap(order, low, high);
    low += 1;
  }
}

function medianOfThree(order: Int32Array, keys: Float32Array, a: number, b: number, c: number): number {
  const keyA = keys[order[a]!]!;
  const keyB = keys[order[b]!]!;
  const keyC = keys[order[c]!]!;
  if (keyA > keyB) {
    if (keyB > keyC) return b;
    return keyA > keyC ? c : a;
  }
  if (keyA > keyC) return a;
  return keyB > keyC ? c : b;
}

function finalInsertionSort(order: Int32Array, keys: Float32Array, length: number): void {
  const guarded = Math.min(length, THRESHOLD);
  for (let i = 1; i < guarded; i++) {
    const entry = order[i]!;
    const key = keys[entry]!;
    if (key > keys[order[0]!]!) {
      order.copyWithin(1, 0, i);
      order[0] = entry;
    } else {
      insertBackwards(order, keys, i, entry, key);
    }
  }
  for (let i = guarded; i < length; i++) insertBackwards(order, keys, i, order[i]!, keys[order[i]!]!);
}

/** `__unguarded_linear_insert`: something before `position` is known not to be smaller. */
function insertBackwards(order: Int32Array, keys: Float32Array, position: number, entry: number, key: number): void {
  let hole = position;
  while (key > keys[order[hole - 1]!]!) {
    order[hole] = order[hole - 1]!;
    hole -= 1;
  }
  order[hole] = entry;
}

/** `__partial_sort` of the whole range: `__make_heap`, then `__sort_heap`. */
function heapSort(order: Int32Array, keys: Float32Array, first: number, last: number): void {
  const length = last - first;
  for (let parent = (length - 2) >> 1; parent >= 0; parent--) {
    adjustHeap(order, keys, first, parent, length, order[first + parent]!);
  }
  for (let end = length - 1; end > 0; end--) {
    const entry = order[first + end]!;
    order[first + end] = order[first]!;
    adjustHeap(order, keys, first, 0, end, entry);
  }
}

/** `__adjust_heap` and `__push_heap`: the hole sinks to a leaf, then `entry` rises from there. */
function adjustHeap(
  order: Int32Array,
  keys: Float32Array,
  first: number,
  top: number,
  length: number,
  entry: number,
): void {
  let hole = top;
  let child = top;
  while (child < (length - 1) >> 1) {
    child = 2 * (child + 1);
    if (keys[order[first + child]!]! > keys[order[first + child - 1]!]!) child -= 1;
    order[first + hole] = order[first + child]!;
    hole = child;
  }
  if ((length & 1) === 0 && child === (length - 2) >> 1) {
    child = 2 * (child + 1);
    order[first + hole] = order[first + child - 1]!;
    hole = child - 1;
  }
  let parent = (hole - 1) >> 1;
  while (hole > top && keys[order[first + parent]!]! > keys[entry]!) {
    order[first + hole] = order[first + parent]!;
    hole = parent;
    parent = (hole - 1) >> 1;
  }
  order[first + hole] = entry;
}

function swap(order: Int32Array, a: number, b: number): void {
  const entry = order[a]!;
  order[a] = order[b]!;
  order[b] = entry;
}
