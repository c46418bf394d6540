/** Something that wants a communication lane. */
export interface LaneRequest {
  /** When it could begin if the lane were free. */
  readonly ready: number;
  readonly pipelineRank: number;
  /** Position among what its rank asked for. */
  readonly sequence: number;
  readonly expertRank: number;
}

/** Requests, of which `take` gives the one that is ready first; among equals by rank and by the order in which they were made. A binary heap. */
export interface RequestQueue<R extends LaneRequest> {
  readonly add: (request: R) => void;
  readonly take: () => R | undefined;
}

export function createRequestQueue<R extends LaneRequest>(): RequestQueue<R> {
  const heap: R[] = [];
  const add = (request: R): void => {
    let place = heap.length;
    heap.push(request);
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!isBefore(request, heap[parent])) break;
      heap[place] = heap[parent];
      place = parent;
    }
    heap[place] = request;
  };
  const take = (): R | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return last;
    let place = 0;
    for (let child = 1; child < heap.length; child = 2 * place + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1], heap[child])) child++;
      if (!isBefore(heap[child], last)) break;
      heap[place] = heap[child];
      place = child;
    }
    heap[place] = last;
    return first;
  };
  return { add, take };
}

function isBefore(a: LaneRequest, b: LaneRequest): boolean {
  if (a.ready !== b.ready) return a.ready < b.ready;
  if (a.pipelineRank !== b.pipelineRank) return a.pipelineRank < b.pipelineRank;
  if (a.sequence !== b.sequence) return a.sequence < b.sequence;
  return a.expertRank < b.expertRank;
}
