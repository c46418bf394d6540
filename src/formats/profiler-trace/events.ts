import { InputError } from '../../base/index.js';
import { isTable, type Table } from '../json-fields.js';

/** A range of time on a host thread that the program gave a name. Times in microseconds. */
export interface Annotation {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** Something that a GPU stream ran: a kernel, a copy or a fill. Times in microseconds. */
export interface GpuWork {
  readonly name: string;
  readonly isKernel: boolean;
  readonly device: number;
  readonly stream: number;
  readonly start: number;
  readonly end: number;
  readonly correlation: number;
  /** Thread blocks of a kernel. */
  readonly blocks: number;
}

/** What a profiler's trace holds that operations are found from. */
export interface TraceEvents {
  readonly annotations: readonly Annotation[];
  readonly work: readonly GpuWork[];
  /** When the host launched what has this correlation number, in microseconds. */
  readonly launches: ReadonlyMap<number, number>;
  /** Streaming multiprocessors, by device. */
  readonly smsOfDevice: ReadonlyMap<number, number>;
}

/** The most events that are read, and the latest time: microseconds since 1970, with room; beyond, they would lose their precision. */
const mostEvents = 2 ** 20;
const latest = 2 ** 53;
const longestName = 4096;

/** Takes the events of interest out of a Chrome trace: an object with `traceEvents`, or the list itself. Throws `InputError` for what is none. */
export function readTraceEvents(value: unknown, file: string): TraceEvents {
  const top: Table = Array.isArray(value) ? { traceEvents: value } : isTable(value) ? value : {};
  const events = top.traceEvents;
  if (!Array.isArray(events)) {
    throw new InputError({
      what: 'it is no profiler trace: it has no list traceEvents',
      where: file,
      mend: exportHint,
    });
  }
  if (events.length > mostEvents) {
    throw new InputError({
      what: `it has ${events.length} events`,
      where: file,
      mend: `use a trace of one step, with at most ${mostEvents}`,
    });
  }
  const annotations: Annotation[] = [];
  const work: GpuWork[] = [];
  const launches = new Map<number, number>();
  for (const [index, event] of (events as readonly unknown[]).entries()) {
    const where = `${file}, traceEvents[${index}]`;
    if (!isTable(event)) throw new InputError({ what: 'the event is no object', where, mend: exportHint });
    if (event.ph !== 'X') continue;
    const kind = kindOf(event.cat);
    if (kind === 'annotation') annotations.push({ name: readName(event, where), ...readRange(event, where) });
    else if (kind === 'launch') readLaunch(event, where, launches);
    else if (kind !== undefined) work.push(readWork(event, where, kind === 'kernel'));
  }
  return { annotations, work, launches, smsOfDevice: readDevices(top.deviceProperties) };
}

/** Whether a Chrome trace is one of `formatTrace`, whose events name their chunks. */
export function isOwnTimeline(value: unknown): boolean {
  const events = isTable(value) ? value.traceEvents : undefined;
  if (!Array.isArray(events)) return false;
  const first = (events as readonly unknown[]).find((event) => isTable(event) && event.ph === 'X');
  return isTable(first) && isTable(first.args) && Array.isArray(first.args.chunks);
}

const exportHint = "use what torch.profiler's export_chrome_trace wrote";

function kindOf(category: unknown): 'annotation' | 'launch' | 'kernel' | 'copy' | undefined {
  switch (category) {
    case 'user_annotation':
      return 'annotation';
    case 'cuda_runtime':
    case 'cuda_driver':
      return 'launch';
    case 'kernel':
      return 'kernel';
    case 'gpu_memcpy':
    case 'gpu_memset':
      return 'copy';
    default:
      return undefined;
  }
}

/** Calls of the host that launch nothing have no number, or one that no work has. */
function readLaunch(event: Table, where: string, launches: Map<number, number>): void {
  const args = isTable(event.args) ? event.args : {};
  if (args.correlation === undefined) return;
  launches.set(readCount(args.correlation, `${where}.args.correlation`), readRange(event, where).start);
}

function readWork(event: Table, where: string, isKernel: boolean): GpuWork {
  const args = isTable(event.args) ? event.args : {};
  const grid = Array.isArray(args.grid) ? (args.grid as readonly unknown[]).slice(0, 3) : [];
  return {
    name: readName(event, where),
    isKernel,
    device: readCount(args.device ?? event.pid, `${where}.args.device`),
    stream: readCount(args.stream ?? event.tid, `${where}.args.stream`),
    ...readRange(event, where),
    correlation: readCount(args.correlation, `${where}.args.correlation`),
    blocks: grid.reduce<number>((product, size) => product * readCount(size, `${where}.args.grid`), 1),
  };
}

function readRange({ ts, dur }: Table, where: string): { start: number; end: number } {
  const start = readMicroseconds(ts, `${where}.ts`);
  return { start, end: start + readMicroseconds(dur ?? 0, `${where}.dur`) };
}

function readMicroseconds(value: unknown, where: string): number {
  if (typeof value === 'number' && value >= 0 && value <= latest) return value;
  throw new InputError({ what: `${show(value)} is no time in microseconds`, where, mend: exportHint });
}

function readCount(value: unknown, where: string): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new InputError({ what: `${show(value)} is no whole number from 0`, where, mend: exportHint });
}

function readName({ name }: Table, where: string): string {
  if (typeof name === 'string' && name.length <= longestName) return name;
  throw new InputError({ what: `${show(name)} is no name`, where: `${where}.name`, mend: exportHint });
}

/** What the trace says of its GPUs is a help, not a need: what is not as expected is left out. */
function readDevices(value: unknown): Map<number, number> {
  const devices = Array.isArray(value) ? (value as readonly unknown[]).slice(0, 1024).filter(isTable) : [];
  const isCount = (entry: unknown): entry is number => Number.isSafeInteger(entry) && (entry as number) >= 0;
  return new Map(
    devices.flatMap(({ id, numSms }) => (isCount(id) && isCount(numSms) && numSms > 0 ? [[id, numSms] as const] : [])),
  );
}

function show(value: unknown): string {
  return String(JSON.stringify(value)).slice(0, 60);
}
