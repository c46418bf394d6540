import { InputError } from '../../base/index.js';
import type { SegmentName } from '../../schedule/index.js';
import type { ChunkTrace, StreamWork, TraceOperation } from '../../simulate/index.js';
import type { Annotation, GpuWork, TraceEvents } from './events.js';

/** The names that DeepSeek's profile gives to operations, and ours. */
const parts: Readonly<Record<string, SegmentName>> = {
  attn: 'attention',
  mlp: 'experts',
  dispatch: 'dispatch',
  combine: 'combine',
};
const phases: Readonly<Record<string, TraceOperation['phase']>> = {
  F: 'forward',
  B: 'backwardInput',
  W: 'backwardWeight',
};
const pattern = /^(attn|mlp|dispatch|combine)\(([FBW])\)$/;
const mostOperations = 10_000;
const microsecond = 1e-6;

/** An annotation of an operation with what was launched during it. */
interface Launched {
  readonly annotation: Annotation;
  readonly work: readonly GpuWork[];
}

/**
 * The operations of one overlapped pair of chunks. An operation is the annotation of that name on the host; its work is what any host thread launched
 * while the annotation was open (autograd launches from a thread of its own). Throws `InputError` for a trace without such annotations or without work
 * of them, and for annotations that overlap, for then nobody can say whose work it is.
 */
export function findOperations(events: TraceEvents, file: string): ChunkTrace {
  const launched = assignWork(events, file);
  const starts = launched.flatMap(({ work }) => work.map(({ start }) => start));
  const origin = starts.reduce((first, start) => Math.min(first, start));
  const counts = new Map<string, number>();
  const operations = launched.map((one): TraceOperation => {
    const layer = counts.get(one.annotation.name) ?? 0;
    counts.set(one.annotation.name, layer + 1);
    return describeOperation(one, layer, origin);
  });
  checkPair(operations, counts, file);
  const totalSms = events.smsOfDevice.get(launched[0].work[0].device);
  const communicationSms = findCommunicationSms(launched, operations, totalSms);
  return {
    seconds: operations.reduce((last, { endSeconds }) => Math.max(last, endSeconds), 0),
    operations,
    ...(totalSms !== undefined && { totalSms }),
    ...(communicationSms !== undefined && { communicationSms }),
  };
}

function assignWork({ annotations, work, launches }: TraceEvents, file: string): Launched[] {
  const own = annotations
    .filter(({ name }) => pattern.test(name))
    .toSorted((one, other) => one.start - other.start || one.end - other.end);
  if (own.length === 0 || own.length > mostOperations) {
    throw new InputError({
      what: own.length === 0 ? 'the trace marks no operations' : `the trace marks ${own.length} operations`,
      where: file,
      mend: `mark one overlapped chunk with record_function, as attn(F), dispatch(B), mlp(W); at most ${mostOperations}`,
    });
  }
  for (const [index, { name, start }] of own.entries()) {
    if (index === 0 || own[index - 1].end <= start) continue;
    throw new InputError({
      what: `the annotations ${own[index - 1].name} and ${name} overlap`,
      where: file,
      mend: 'mark operations one after the other, on one rank',
    });
  }
  const lists = own.map((): GpuWork[] => []);
  for (const one of work) {
    const launch = launches.get(one.correlation);
    const index = launch === undefined ? -1 : findOpen(own, launch);
    if (index >= 0) lists[index].push(one);
  }
  return own.map((annotation, index) => {
    const work = lists[index];
    if (work.length > 0 && work.every(({ device }) => device === work[0].device)) return { annotation, work };
    throw new InputError({
      what: `${annotation.name} has ${work.length === 0 ? 'no work on a GPU' : 'work on several GPUs'}`,
      where: file,
      mend: 'profile one rank with ProfilerActivity.CPU and ProfilerActivity.CUDA',
    });
  });
}

/** Index of the annotation that is open at `time`, or -1; they are in order and do not overlap. */
function findOpen(annotations: readonly Annotation[], time: number): number {
  let low = 0;
  let high = annotations.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (annotations[middle].start <= time) low = middle + 1;
    else high = middle;
  }
  return low > 0 && time < annotations[low - 1].end ? low - 1 : -1;
}

function describeOperation({ annotation, work }: Launched, layer: number, origin: number): TraceOperation {
  const [, part, letter] = pattern.exec(annotation.name) as RegExpExecArray;
  const all = measureWork(work, origin);
  const isExchange = part === 'dispatch' || part === 'combine';
  const notify = isExchange ? work.filter(({ name }) => /notify/i.test(name)) : [];
  const streams = groupByStream(work);
  return {
    operation: annotation.name,
    name: parts[part],
    phase: phases[letter],
    layer,
    lane: isExchange ? 'communication' : 'compute',
    chunk: letter === 'F' ? 0 : 1,
    ...all,
    notifySeconds: measureWork(notify, origin).busySeconds,
    streams: streams.map(
      ([stream, here]): StreamWork => ({
        stream,
        ...measureWork(here, origin),
        kernels: here.filter(({ isKernel }) => isKernel).length,
      }),
    ),
  };
}

/** In the order of their numbers. */
function groupByStream(work: readonly GpuWork[]): [number, GpuWork[]][] {
  const groups = new Map<number, GpuWork[]>();
  for (const one of work) {
    const group = groups.get(one.stream);
    if (group === undefined) groups.set(one.stream, [one]);
    else group.push(one);
  }
  return [...groups].toSorted(([one], [other]) => one - other);
}

/** First start, last end and time of at least one at work; what runs at the same time counts once. */
function measureWork(work: readonly GpuWork[], origin: number) {
  const sorted = work.toSorted((one, other) => one.start - other.start);
  const first = sorted[0]?.start ?? origin;
  let covered = first;
  let busy = 0;
  for (const { start, end } of sorted) {
    busy += Math.max(0, end - Math.max(start, covered));
    covered = Math.max(covered, end);
  }
  return {
    startSeconds: (first - origin) * microsecond,
    endSeconds: (covered - origin) * microsecond,
    busySeconds: busy * microsecond,
  };
}

/** A forward and a backward, each weight gradient with its input gradient. */
function checkPair(operations: readonly TraceOperation[], counts: ReadonlyMap<string, number>, file: string): void {
  const has = (chunk: 0 | 1) => operations.some((one) => one.chunk === chunk && one.phase !== 'backwardWeight');
  if (!has(0) || !has(1)) {
    throw new InputError({
      what: `the trace marks no ${has(0) ? 'backward' : 'forward'} operations`,
      where: file,
      mend: 'profile an overlapped pair of a forward and a backward',
    });
  }
  for (const part of Object.keys(parts)) {
    const [inputs, weights] = ['B', 'W'].map((letter) => counts.get(`${part}(${letter})`) ?? 0);
    if (weights <= inputs) continue;
    throw new InputError({
      what: `the trace marks ${part}(W) ${weights} times and ${part}(B) ${inputs} times`,
      where: file,
      mend: 'mark an input gradient for each weight gradient',
    });
  }
}

/** Thread blocks of the kernel that exchanges spend most time in, if it has one a multiprocessor: how many it holds while it runs. */
function findCommunicationSms(
  launched: readonly Launched[],
  operations: readonly TraceOperation[],
  totalSms: number | undefined,
): number | undefined {
  const timeOfBlocks = new Map<number, number>();
  for (const [index, { work }] of launched.entries()) {
    if (operations[index].lane === 'compute') continue;
    for (const { isKernel, blocks, start, end } of work) {
      if (isKernel) timeOfBlocks.set(blocks, (timeOfBlocks.get(blocks) ?? 0) + end - start);
    }
  }
  const [blocks] = [...timeOfBlocks].toSorted(([, one], [, other]) => other - one)[0] ?? [];
  return blocks !== undefined && totalSms !== undefined && blocks >= 1 && blocks < totalSms ? blocks : undefined;
}
