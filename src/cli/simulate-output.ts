import { drawScheduleSvg, drawScheduleText, formatTime } from '../draw/index.js';
import { formatTrace, type Timeline } from '../schedule/index.js';
import type { Simulation } from '../simulate/index.js';
import { hasColor, outputWidth } from './output.js';
import { formatTable } from './table.js';

export const simulationFormats = ['text', 'json', 'svg', 'trace'] as const;
export type SimulationFormat = (typeof simulationFormats)[number];

/** What was simulated, for the printers. */
export interface PrintedSimulation
  extends Omit<Simulation, 'steps' | 'messages' | 'idleByCause'>,
    Partial<Pick<Simulation, 'idleByCause'>> {
  readonly title: string;
  /** Made when a format needs it: a long schedule's is large. */
  readonly timeline: () => Timeline;
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
      const options = toScreen ? { color: hasColor(), width: outputWidth() } : { color: false, width: 2000 };
      return [title, '', drawScheduleText(timeline(), options), formatTotals(simulation)].join('\n');
    }
    case 'json':
      return `${JSON.stringify(simulationJson(simulation, withSteps))}\n`;
    case 'svg':
      return drawScheduleSvg(timeline(), `${title}; bubble ${formatPercent(bubble)}`);
    case 'trace':
      return formatTrace(timeline());
    default:
      return format satisfies never;
  }
}

/** The contract's JSON. */
function simulationJson(simulation: PrintedSimulation, withSteps: boolean) {
  const { makespan, busy, idle, bubble, peakActivations, exposedCommunication, timeline, findings } = simulation;
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
    ...findings?.json,
    ...(withSteps ? { steps: listSteps() } : {}),
  };
}

/** To 12 digits, so that 61.1 is not 61.10000000000001. */
export function roundTime(value: number): number {
  return Number(value.toPrecision(12));
}

function formatTotals(simulation: PrintedSimulation): string {
  const { makespan, busy, idle, bubble, peakActivations, exposedCommunication, findings } = simulation;
  const header = ['rank', 'busy', 'idle', 'exposed communication', 'peak activations'];
  const rows = busy.map((time, rank) => [
    String(rank),
    formatTime(time),
    formatTime(roundTime(idle[rank] as number)),
    formatTime(exposedCommunication[rank] as number),
    String(peakActivations[rank]),
  ]);
  const lines = [`makespan ${formatTime(makespan)}, bubble ${formatPercent(bubble)}`, ...(findings?.lines ?? [])];
  return `${formatTable([header, ...rows])}\n${lines.join('\n')}\n`;
}

function formatPercent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}
