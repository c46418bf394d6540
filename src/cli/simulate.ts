import { type Command, Option } from 'commander';
import { InputError } from '../base/index.js';
import { readCosts } from '../formats/index.js';
import {
  type Costs,
  largestAmount,
  longestTime,
  memoryCurve,
  simulate,
  simulatedTimeline,
  unitCosts,
} from '../simulate/index.js';
import { parseNumber } from './numbers.js';
import { writeOutput } from './output.js';
import { describeSchedule } from './schedule.js';
import { addSourceFlags, chooseFormat, loadSchedule, type SourceFlags } from './schedule-source.js';
import {
  type PrintedSimulation,
  printSimulation,
  type SimulationFormat,
  simulationFormats,
} from './simulate-output.js';
import { replayRun } from './simulate-replay.js';

interface SimulateFlags extends SourceFlags {
  readonly forward?: number;
  readonly backwardInput?: number;
  readonly backwardWeight?: number;
  readonly overlapped?: number;
  readonly p2p?: number;
  readonly p2pLatency?: number;
  readonly p2pBandwidth?: number;
  readonly messageSize?: number;
  readonly costs?: string;
  readonly replay?: string;
  readonly overlap?: 'on' | 'off';
  readonly format?: SimulationFormat;
  readonly json?: boolean;
  readonly steps?: boolean;
  readonly out?: string;
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
    .option(
      '--p2p-latency <time>',
      'instead of --p2p: time of an empty message (default: 0)',
      parseTime('--p2p-latency'),
    )
    .option(
      '--p2p-bandwidth <rate>',
      'instead of --p2p: message size that goes through in a unit of time',
      parseNumber('--p2p-bandwidth', { from: Number.MIN_VALUE, to: largestAmount }),
    )
    .option(
      '--message-size <size>',
      'size of a message, in the unit of --p2p-bandwidth',
      parseNumber('--message-size', { from: 0, to: largestAmount }),
    )
    .option('--costs <file.json>', 'read costs from a file, also segments and memory; the flags above go first')
    .option('--replay <run>', "predict a step of a training run from its own segment times, in the run's folder")
    .addOption(
      new Option('--overlap <on|off>', "with --replay: whether pairs are overlapped (default: the run's)").choices([
        'on',
        'off',
      ]),
    )
    .addOption(new Option('--format <format>', 'how to print it (default: text)').choices(simulationFormats))
    .option('--json', 'the same as --format json')
    .option('--steps', 'with JSON: every action with its start and end')
    .option('--out <file>', 'write to this file instead of standard output')
    .addHelpText(
      'after',
      `
FILE.json holds any of: "forward", "backwardInput", "backwardWeight", "overlapped", "memory" {"parameters", "gradients", "optimizer",
"activationsUntilInput", "activationsUntilWeight"} - each a number, or a list with one a stage; "p2p", or "message" {"latency", "bandwidth", "size"};
instead of the times, "segments" with "contention", from which they follow. docs/simulation.md tells more; examples/costs.json is one.
--replay prints what the run's step took and what is predicted for it; with a name, --microbatches or --overlap, the rest is what that would take on
the same ranks. Times are then in seconds.

Examples:
  doubletrack simulate dualpipev --ranks 4 --microbatches 10 --forward 1 --backward-input 1 --backward-weight 1 --overlapped 2.5
  doubletrack simulate dualpipev --ranks 4 --microbatches 16 --costs examples/costs.json
  doubletrack simulate --replay runs/example gpipe`,
    )
    .action(async (name: string | undefined, flags: SimulateFlags) => {
      const format = chooseFormat(flags);
      if (flags.steps === true && format !== 'json')
        throw new InputError({ what: '--steps needs JSON', mend: 'add --json' });
      const printed =
        flags.replay === undefined ? simulateNamed(name, flags) : simulateReplay(flags.replay, name, flags);
      const options = { withSteps: flags.steps === true, toScreen: flags.out === undefined };
      await writeOutput(printSimulation(printed, format, options), flags.out);
    });
}

function simulateNamed(name: string | undefined, flags: SimulateFlags): PrintedSimulation {
  if (flags.overlap !== undefined) {
    throw new InputError({
      what: '--overlap needs --replay',
      mend: 'say what a pair takes with --overlapped, or give --replay RUN',
    });
  }
  const costs = gatherCosts(flags);
  const schedule = loadSchedule(name, flags);
  const simulation = simulate(schedule, costs);
  const { memory } = costs;
  return {
    title: describeSchedule(schedule),
    ...simulation,
    timeline: () => simulatedTimeline(schedule, simulation),
    ...(memory !== undefined && { memoryCurve: (rank) => memoryCurve(schedule, simulation, memory, rank) }),
  };
}

/** Flags that say what the run's record says. */
const notForReplay = [
  'ranks',
  'from',
  'forward',
  'backwardInput',
  'backwardWeight',
  'overlapped',
  'p2p',
  'p2pLatency',
  'p2pBandwidth',
  'messageSize',
  'costs',
] as const satisfies readonly (keyof SimulateFlags)[];

function simulateReplay(folder: string, name: string | undefined, flags: SimulateFlags): PrintedSimulation {
  const surplus = notForReplay.find((flag) => flags[flag] !== undefined);
  if (surplus !== undefined) {
    throw new InputError({
      what: `${spellFlag(surplus)} and --replay are given together`,
      mend: 'the run says that; leave it out',
    });
  }
  return replayRun(folder, {
    ...(name === undefined ? {} : { schedule: name }),
    ...(flags.microbatches === undefined ? {} : { microbatches: flags.microbatches }),
    ...(flags.stagesPerRank === undefined ? {} : { stagesPerRank: flags.stagesPerRank }),
    ...(flags.overlap === undefined ? {} : { overlap: flags.overlap === 'on' }),
  });
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

const timeFlags = ['forward', 'backwardInput', 'backwardWeight', 'overlapped'] as const;

/** The costs of the flags, then those of the file, then one unit a part. */
function gatherCosts(flags: SimulateFlags): Costs {
  const file = flags.costs === undefined ? {} : readCosts(flags.costs);
  const times = timeFlags.filter((flag) => flags[flag] !== undefined);
  if (file.segments !== undefined && times[0] !== undefined) {
    throw new InputError({
      what: `${spellFlag(times[0])} is given, and segments in the file say the same`,
      mend: 'leave one of them out',
    });
  }
  const given = Object.fromEntries(times.map((flag) => [flag, flags[flag]]));
  const { message: _, ...rest } = file;
  return { ...unitCosts, ...rest, ...given, ...gatherMessage(flags, file) };
}

const messageFlags = ['p2pLatency', 'p2pBandwidth', 'messageSize'] as const;

/** What a message takes. */
function gatherMessage(
  flags: SimulateFlags,
  { message, p2p }: Partial<Costs>,
): Pick<Partial<Costs>, 'p2p' | 'message'> {
  const surplus = messageFlags.find((flag) => flags[flag] !== undefined);
  if (flags.p2p !== undefined) {
    if (surplus === undefined) return { p2p: flags.p2p };
    throw new InputError({ what: `--p2p and ${spellFlag(surplus)} are given together`, mend: 'give one of them' });
  }
  if (surplus === undefined) return message === undefined ? {} : { message };
  const bandwidth = flags.p2pBandwidth ?? message?.bandwidth;
  const size = flags.messageSize ?? message?.size;
  if (bandwidth === undefined || size === undefined) {
    throw new InputError({
      what: `${bandwidth === undefined ? '--p2p-bandwidth' : '--message-size'} is missing`,
      mend: 'a message takes latency + size / bandwidth: give both, or --p2p',
    });
  }
  return { message: { latency: flags.p2pLatency ?? message?.latency ?? p2p ?? 0, bandwidth, size } };
}

function spellFlag(key: string): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
