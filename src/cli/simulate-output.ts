import { formatPercent, formatSeconds } from '../base/index.js';
import { drawScheduleSvg, formatTime } from '../draw/index.js';
import { formatTrace, type Timeline } from '../schedule/index.js';
import type { IdleByCause, MemoryCurve, MemoryUse, Simulation } from '../simulate/index.js';
import { drawPicture } from './picture.js';
import { formatTable } from './table.js';

export const simulationFormats = ['text', 'json', 'svg', 'trace'] as const;
export type SimulationFormat = (typeof simulationFormats)[number];

/** What was simulated, for the printers. */
export interface PrintedSimulation
  extends Omit<Simulation, 'steps' | 'messages' | 'idleByCause'>,
    Partial<Pick<Simulation, 'idleByCause'>> {
  readonly title: string;
  /** Where times are in seconds; else they are in any unit. */
  readonly isInSeconds?: boolean;
  /** Made when a format needs it: a long schedule's is large. */
  readonly timeline: () => Timeline;
  /** Where memory was simulated: what a rank holds over time. */
  readonly memoryCurve?: (rank: number) => MemoryCurve;
  /** Lines that follow the table, and what they say as keys of the JSON document. */
  readonly findings?: { readonly lines: readonly string[]; readonly json: Readonly<Record<string, unknown>> };
}

interface PrintOptions {
  /** With JSON, every event. */
  readonly withSteps: boolean;
  /** Whether standard output takes it. */
  readonly toScreen: boolean;
}

/** The text of a simulation in one of the formats; ends in a line break. */
export function printSimulation(
  simulation: PrintedSimulation,
  format: SimulationFormat,
  { withSteps, toScreen }: PrintOptions,
): string {
  const { title, timeline, bubble } = simulation;
  switch (format) {
    case 'text': {
      const more = '--json --steps lists all actions, --format svg draws them';
      return [title, '', drawPicture(timeline, { toScreen, more }), formatTotals(simulation)].join('\n');
    }
    case 'json':
      return `${JSON.stringify(simulationJson(simulation, withSteps))}\n`;
    case 'svg':
      return drawScheduleSvg(timeline(), `${title}; bubble ${formatPercent(bubble, 2)}`);
    case 'trace':
      return formatTrace(timeline());
    default:
      return format satisfies never;
  }
}

/** The contract's JSON. */
function simulationJson(simulation: PrintedSimulation, withSteps: boolean) {
  const { makespan, busy, idle, bubble, peakActivations, exposedCommunication, timeline, findings } = simulation;
  const { idleByCause, memory } = simulation;
  const listSteps = () =>
    timeline().ranks.map((events) =>
      events.map(({ label, start, end, lane }) => ({
        action: label,
        start: roundTime(start),
        end: roundTime(end),
        lane,
      })),
    );
  return {
    makespan: roundTime(makespan),
    busy: busy.map(roundTime),
    idle: idle.map(roundTime),
    bubble: roundTime(bubble),
    peakActivations,
    exposedCommunication: exposedCommunication.map(roundTime),
    ...(idleByCause !== undefined && { idleByCause: roundLists(idleByCause) }),
    ...(memory !== undefined && { memory: memoryJson(simulation, memory, withSteps) }),
    ...findings?.json,
    ...(withSteps ? { steps: listSteps() } : {}),
  };
}

/** To 12 digits, so that 61.1 is not 61.10000000000001. */
export function roundTime(value: number): number {
  return Number(value.toPrecision(12));
}

function roundLists<K extends string>(lists: Readonly<Record<K, readonly number[]>>): Record<string, number[]> {
  return Object.fromEntries(
    Object.entries<readonly number[]>(lists).map(([key, values]) => [key, values.map(roundTime)]),
  );
}

/** With steps, what each rank holds: from each time on, an amount. */
function memoryJson({ busy, memoryCurve }: PrintedSimulation, { peak, byPart }: MemoryUse, withSteps: boolean) {
  const listCurve = (rank: number) => {
    const { time = [], amount = [] } = memoryCurve?.(rank) ?? {};
    return Array.from(time, (at, index) => ({ time: roundTime(at), amount: roundTime(amount[index] as number) }));
  };
  return {
    peak: peak.map(roundTime),
    byPart: roundLists(byPart),
    ...(withSteps && { curves: busy.map((_, rank) => listCurve(rank)) }),
  };
}

function formatTotals(simulation: PrintedSimulation): string {
  const { makespan, busy, idle, bubble, peakActivations, exposedCommunication, findings } = simulation;
  const { idleByCause, memory } = simulation;
  const format = simulation.isInSeconds === true ? formatSeconds : formatAmount;
  const times: readonly Column[] = [
    ['busy', busy, format],
    ['idle', idle, format],
    ...(idleByCause === undefined
      ? [['exposed communication', exposedCommunication, format] as const]
      : causeColumns(idleByCause)),
  ];
  const columns: readonly Column[] = [...times, ['peak activations', peakActivations]];
  const lines = [`makespan ${format(makespan)}, bubble ${formatPercent(bubble, 2)}`, ...(findings?.lines ?? [])];
  const tables = [formatRankTable(columns), ...(memory === undefined ? [] : [formatMemory(memory)])];
  return `${tables.join('\n')}\n${lines.join('\n')}\n`;
}

function causeColumns({ warmUp, waiting, exposedCommunication, coolDown }: IdleByCause) {
  return [
    ['= warm-up', warmUp],
    ['+ waiting for a peer', waiting],
    ['+ exposed communication', exposedCommunication],
    ['+ cool-down', coolDown],
  ] as const;
}

function formatMemory({ peak, byPart }: MemoryUse): string {
  const { parameters, gradients, optimizer, activations } = byPart;
  return formatRankTable([
    ['peak memory', peak],
    ['= parameters', parameters],
    ['+ gradients', gradients],
    ['+ optimizer', optimizer],
    ['+ activations', activations],
  ]);
}

function formatAmount(value: number): string {
  return formatTime(roundTime(value));
}

/** Its heading, `[rank]` its values, and how they are printed. */
type Column = readonly [name: string, values: readonly number[], format?: (value: number) => string];

function formatRankTable(columns: readonly Column[]): string {
  const rows = (columns[0]?.[1] ?? []).map((_, rank) => [
    String(rank),
    ...columns.map(([, values, format = formatAmount]) => format(values[rank])),
  ]);
  return formatTable([['rank', ...columns.map(([name]) => name)], ...rows]);
}
