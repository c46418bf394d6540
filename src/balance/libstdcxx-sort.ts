/**
 * Sorts `keys` to descending order, and `order` along with them, exactly as PyTorch's `sort(descending=True)` does on the CPU: with libstdc++'s `std::sort`, an introsort
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
  swap(order, keys, first, medianOfThree(keys, first + 1, middle, last - 1));
  const pivot = keys[first]!;
  let low = first + 1;
  let high = last;
  for (;;) {
    while (keys[low]! > pivot) low += 1;
    high -= 1;
    while (pivot > keys[high]!) high -= 1;
    if (low >= high) return low;
    swap(order, keys, low, high);
    low += 1;
  }
}

function medianOfThree(keys: Float32Array, a: number, b: number, c: number): number {
  const keyA = keys[a]!;
  const keyB = keys[b]!;
  const keyC = keys[c]!;
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
    if (keys[i]! > keys[0]!) moveToFront(order, keys, i);
    else insertBackwards(order, keys, i);
  }
  for (let i = guarded; i < length; i++) insertBackwards(order, keys, i);
}

function moveToFront(order: Int32Array, keys: Float32Array, position: number): void {
  const entry = order[position]!;
  const key = keys[position]!;
  order.copyWithin(1, 0, position);
  keys.copyWithin(1, 0, position);
  order[0] = entry;
  keys[0] = key;
}

/** `__unguarded_linear_insert`: something before `position` is known not to be smaller. */
function insertBackwards(order: Int32Array, keys: Float32Array, position: number): void {
  const entry = order[position]!;
  const key = keys[position]!;
  let hole = position;
  while (key > keys[hole - 1]!) {
    order[hole] = order[hole - 1]!;
    keys[hole] = keys[hole - 1]!;
    hole -= 1;
  }
  order[hole] = entry;
  keys[hole] = key;
}

/** `__partial_sort` of the whole range: `__make_heap`, then `__sort_heap`. */
function heapSort(order: Int32Array, keys: Float32Array, first: number, last: number): void {
  const length = last - first;
  for (let parent = (length - 2) >> 1; parent >= 0; parent--)
    adjustHeap(order, keys, { first, top: parent, length, entry: order[first + parent]!, key: keys[first + parent]! });
  for (let end = length - 1; end > 0; end--) {
    const entry = order[first + end]!;
    const key = keys[first + end]!;
    copy(order, keys, first, first + end);
    adjustHeap(order, keys, { first, top: 0, length: end, entry, key });
  }
}

interface Hole {
  readonly first: number;
  readonly top: number;
  readonly length: number;
  readonly entry: number;
  readonly key: number;
}

/** `__adjust_heap` and `__push_heap`: the hole sinks to a leaf, then the entry rises from there. */
function adjustHeap(order: Int32Array, keys: Float32Array, { first, top, length, entry, key }: Hole): void {
  let hole = top;
  let child = top;
  while (child < (length - 1) >> 1) {
    child = 2 * (child + 1);
    if (keys[first + child]! > keys[first + child - 1]!) child -= 1;
    copy(order, keys, first + child, first + hole);
    hole = child;
  }
  if ((length & 1) === 0 && child === (length - 2) >> 1) {
    child = 2 * (child + 1);
    copy(order, keys, first + child - 1, first + hole);
    hole = child - 1;
  }
  let parent = (hole - 1) >> 1;
  while (hole > top && keys[first + parent]! > key) {
    copy(order, keys, first + parent, first + hole);
    hole = parent;
    parent = (hole - 1) >> 1;
  }
  order[first + hole] = entry;
  keys[first + hole] = key;
}

function copy(order: Int32Array, keys: Float32Array, from: number, to: number): void {
  order[to] = order[from]!;
  keys[to] = keys[from]!;
}

function swap(order: Int32Array, keys: Float32Array, a: number, b: number): void {
  const entry = order[a]!;
  const key = keys[a]!;
  copy(order, keys, b, a);
  order[b] = entry;
  keys[b] = key;
}
