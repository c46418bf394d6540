import { instanceName, listAccesses, type RankProgram } from './program.js';

/** When a value of a chunk is alive: from its first write to its last read, in steps of the program. */
interface Lifetime {
  readonly instance: string;
  readonly bytes: number;
  readonly start: number;
  end: number;
}

/** Where the values of a program lie in the rank's activation memory. Values that nobody reads have no place. */
export interface MemoryPlan {
  readonly offsets: ReadonlyMap<string, number>;
  readonly bytes: number;
  /** Most bytes alive at once: no plan can do with less. */
  readonly liveBytes: number;
}

const ALIGNMENT = 64;

/**
 * Gives every value of every chunk a place for as long as it lives. Values are placed in the order of their start, each into the smallest hole
 * that takes it; what a step reads and what it writes never share memory.
 */
export function planMemory(program: RankProgram): MemoryPlan {
  const lifetimes = measureLifetimes(program);
  const live: { readonly lifetime: Lifetime; readonly offset: number }[] = [];
  const offsets = new Map<string, number>();
  let bytes = 0;
  let liveBytes = 0;
  for (const lifetime of lifetimes) {
    for (let index = live.length - 1; index >= 0; index--)
      if (live[index].lifetime.end < lifetime.start) live.splice(index, 1);
    const offset = findHole(live, lifetime.bytes);
    const position = live.findIndex((other) => other.offset > offset);
    live.splice(position < 0 ? live.length : position, 0, { lifetime, offset });
    offsets.set(lifetime.instance, offset);
    bytes = Math.max(bytes, offset + lifetime.bytes);
    liveBytes = Math.max(
      liveBytes,
      live.reduce((sum, other) => sum + other.lifetime.bytes, 0),
    );
  }
  return { offsets, bytes, liveBytes };
}

/** Offset of the smallest hole between the live values (sorted by offset) that takes `bytes`, or the end of the last. */
function findHole(live: readonly { readonly lifetime: Lifetime; readonly offset: number }[], bytes: number): number {
  let best = -1;
  let bestSize = Infinity;
  let end = 0;
  for (const { lifetime, offset } of live) {
    const size = offset - end;
    if (size >= bytes && size < bestSize) {
      best = end;
      bestSize = size;
    }
    end = Math.max(end, offset + lifetime.bytes);
  }
  return best < 0 ? end : best;
}

/** Lifetimes of the values that are read after they are written, by start. */
function measureLifetimes(program: RankProgram): Lifetime[] {
  const lifetimes = new Map<string, Lifetime>();
  let step = 0;
  const write = (instance: string, name: string) => {
    if (!lifetimes.has(instance))
      lifetimes.set(instance, { instance, bytes: valueBytes(program, name), start: step, end: -1 });
  };
  const read = (instance: string) => {
    const lifetime = lifetimes.get(instance);
    if (lifetime === undefined) throw new Error(`${instance} is read before it is written`);
    lifetime.end = step;
  };
  for (const instruction of program.instructions) {
    for (const { reads, writes } of listAccesses(instruction)) {
      for (const name of reads) read(instanceName(instruction.chunk, name));
      for (const name of writes) write(instanceName(instruction.chunk, name), name);
      step++;
    }
  }
  return [...lifetimes.values()].filter(({ end }) => end >= 0).sort((a, b) => a.start - b.start || b.bytes - a.bytes);
}

/** Bytes of a value, rounded up so that the next one is aligned. */
function valueBytes(program: RankProgram, name: string): number {
  const spec = program.values.get(name);
  if (spec === undefined) throw new Error(`value ${name} has no shape`);
  const bytes = 4 * spec.shape.reduce((product, dim) => product * dim, 1);
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
