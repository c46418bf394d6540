import { type Command, Option } from 'commander';
import { InputError } from '../base/index.js';
import { drawScheduleSvg, drawScheduleText, formatTime } from '../draw/index.js';
import { readFileText } from '../formats/index.js';
import { formatTrace, type Schedule, type Timeline } from '../schedule/index.js';
import {
  type Costs,
  longestTime,
  type Simulation,
  type StageTime,
  simulate,
  simulatedTimeline,
  unitCosts,
} from '../simulate/index.js';
import { hasColor, outputWidth, writeOutput } from './output.js';
import { describeSchedule } from './schedule.js';
import { addSourceFlags, chooseFormat, loadSchedule, type SourceFlags } from './schedule-source.js';
import { formatTable } from './table.js';

const formats = ['text', 'json', 'svg', 'trace'] as const;
type Format = (typeof formats)[number];

interface SimulateFlags extends SourceFlags {
  readonly forward?: number;
  readonly backwardInput?: number;
  readonly backwardWeight?: number;
  readonly overlapped?: number;
  readonly p2p?: number;
  readonly costs?: string;
  readonly format?: Format;
  readonly json?: boolean;
  readonly steps?: boolean;
  readonly out?: string;
}

/** What was simulated, for the printers. */
interface Run {
  readonly schedule: Schedule;
  readonly simulation: Simulation;
  /** Made when a format needs it: a long schedule's is large. */
  readonly timeline: () => Timeline;
  readonly withSteps: boolean;
  readonly toScreen: boolean;
}

/** `doubletrack simulate`: how long a schedule takes, and how much of it each rank is idle. */
export function addSimulateCommand(program: Command): void {
  const command = program
    .command('simulate')
    .description('Find how long a pipeline schedule takes, given what its parts cost.');
  addSourceFlags(command)
    .option('--forward <time>', 'time of a forward, in any one unit (default: 1)', parseTime('--forward'))
    .option('--backward-input <time>', 'time of a backward for inputs (default: 1)', parseTime('--backward-input'))
    .option('--backward-weight <time>', 'time of a backward for weights (default: 1)', parseTime('--backward-weight'))
    .option(
      '--overlapped <time>',
      'time of a whole overlapped pair (default: the sum of its parts)',
      parseTime('--overlapped'),
    )
    .option('--p2p <time>', 'time of a message between ranks (default: 0)', parseTime('--p2p'))
    .option('--costs <file.json>', 'read these times from a file; the flags above go first')
    .addOption(new Option('--format <format>', 'how to print it (default: text)').choices(formats))
    .option('--json', 'the same as --format json')
    .option('--steps', 'with JSON: every action with its start and end')
    .option('--out <file>', 'write to this file instead of standard output')
    .addHelpText(
      'after',
      `
FILE.json holds {"forward", "backwardInput", "backwardWeight", "overlapped", "p2p"}: each a number, or (but for p2p) a list
with one number a stage; "overlapped" goes by the stage of the pair's forward.

Example:
  doubletrack simulate dualpipev --ranks 4 --microbatches 10 --forward 1 --backward-input 1 --backward-weight 1 --overlapped 2.5`,
    )
    .action(async (name: string | undefined, flags: SimulateFlags) => {
      const format = chooseFormat(flags);
      if (flags.steps === true && format !== 'json')
        throw new InputError({ what: '--steps needs JSON', mend: 'add --json' });
      const costs = readCosts(flags);
      const schedule = loadSchedule(name, flags);
      const simulation = simulate(schedule, costs);
      const timeline = () => simulatedTimeline(schedule, simulation);
      const run = {
        schedule,
        simulation,
        timeline,
        withSteps: flags.steps === true,
        toScreen: flags.out === undefined,
      };
      await writeOutput(printers[format](run), flags.out);
    });
}

const printers: Readonly<Record<Format, (run: Run) => string>> = {
  text: ({ schedule, simulation, timeline, toScreen }) => {
    const options = toScreen ? { color: hasColor(), width: outputWidth() } : { color: false, width: 2000 };
    return [describeSchedule(schedule), '', drawScheduleText(timeline(), options), formatSimulation(simulation)].join(
      '\n',
    );
  },
  json: (run) => `${JSON.stringify(simulationJson(run))}\n`,
  svg: ({ schedule, timeline, simulation }) =>
    drawScheduleSvg(timeline(), `${describeSchedule(schedule)}; bubble ${formatPercent(simulation.bubble)}`),
  trace: ({ timeline }) => formatTrace(timeline()),
};

/** The contract's JSON. Times are rounded to 12 digits, so that 61.1 is not 61.10000000000001. */
function simulationJson({ simulation, timeline, withSteps }: Run) {
  const { makespan, busy, idle, bubble, peakActivations, exposedCommunication } = simulation;
  const listSteps = () =>
    timeline().ranks.map((events) =>
      events.map(({ label, start, end, lane }) => ({ action: label, start: round(start), end: round(end), lane })),
    );
  return {
    makespan: round(makespan),
    busy: busy.map(round),
    idle: idle.map(round),
    bubble: round(bubble),
    peakActivations,
    exposedCommunication: exposedCommunication.map(round),
    ...(withSteps ? { steps: listSteps() } : {}),
  };
}

function round(value: number): number {
  return Number(value.toPrecision(12));
}

function formatSimulation({ makespan, busy, idle, bubble, peakActivations, exposedCommunication }: Simulation): string {
  const header = ['rank', 'busy', 'idle', 'exposed communication', 'peak activations'];
  const rows = busy.map((time, rank) => [
    String(rank),
    formatTime(time),
    formatTime(round(idle[rank] as number)),
    formatTime(exposedCommunication[rank] as number),
    String(peakActivations[rank]),
  ]);
  return `${formatTable([header, ...rows])}\nmakespan ${formatTime(makespan)}, bubble ${formatPercent(bubble)}\n`;
}

function formatPercent(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}

function parseTime(flag: string): (text: string) => number {
  return (text) => {
    const time = text.trim() === '' ? Number.NaN : Number(text);
    if (time >= 0 && time <= longestTime) return time;
    throw new InputError({
      what: `${JSON.stringify(text)} is not a time`,
      where: flag,
      mend: `use a number from 0 to ${longestTime}`,
    });
  };
}

function readCosts(flags: SimulateFlags): Costs {
  const base = flags.costs === undefined ? unitCosts : { ...unitCosts, ...readCostsFile(flags.costs) };
  const given = {
    ...(flags.forward === undefined ? {} : { forward: flags.forward }),
    ...(flags.backwardInput === undefined ? {} : { backwardInput: flags.backwardInput }),
    ...(flags.backwardWeight === undefined ? {} : { backwardWeight: flags.backwardWeight }),
    ...(flags.overlapped === undefined ? {} : { overlapped: flags.overlapped }),
    ...(flags.p2p === undefined ? {} : { p2p: flags.p2p }),
  };
  return { ...base, ...given };
}

const mostCostsBytes = 2 ** 20;
const costKeys = ['forward', 'backwardInput', 'backwardWeight', 'overlapped', 'p2p'];

function readCostsFile(file: string): Partial<Costs> {
  const text = readFileText(file, { maxBytes: mostCostsBytes });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new InputError(
      { what: `the costs are not JSON: ${(error as Error).message}`, where: file },
      { cause: error },
    );
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError({
      what: 'the costs are not an object',
      where: file,
      mend: `use the keys ${costKeys.join(', ')}`,
    });
  }
  for (const [key, time] of Object.entries(value)) {
    if (!costKeys.includes(key)) {
      throw new InputError({
        what: `there is no cost ${JSON.stringify(key)}`,
        where: file,
        mend: `use ${costKeys.join(', ')}`,
      });
    }
    if (!isStageTime(time) || (key === 'p2p' && typeof time !== 'number')) {
      throw new InputError({
        what: `${key} is no time`,
        where: file,
        mend: key === 'p2p' ? 'use a number' : 'use a number, or a list with one a stage',
      });
    }
  }
  return value;
}

function isStageTime(value: unknown): value is StageTime {
  return typeof value === 'number' || (Array.isArray(value) && value.every((entry) => typeof entry === 'number'));
}
