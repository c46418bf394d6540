import { type Command, Option } from 'commander';
import { InputError } from '../base/index.js';
import { readFileText } from '../formats/index.js';
import { type Costs, longestTime, type StageTime, simulate, simulatedTimeline, unitCosts } from '../simulate/index.js';
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
import { addTraceFlags, replayTrace, type TraceFlags } from './simulate-trace.js';
import { printTraceReport } from './simulate-trace-output.js';

interface SimulateFlags extends SourceFlags, TraceFlags {
  readonly forward?: number;
  readonly backwardInput?: number;
  readonly backwardWeight?: number;
  readonly overlapped?: number;
  readonly p2p?: number;
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
    .option('--costs <file.json>', 'read these times from a file; the flags above go first')
    .option('--replay <run>', "predict a step of a training run from its own segment times, in the run's folder")
    .addOption(
      new Option('--overlap <on|off>', "with --replay: whether pairs are overlapped (default: the run's)").choices([
        'on',
        'off',
      ]),
    );
  addTraceFlags(command)
    .addOption(new Option('--format <format>', 'how to print it (default: text)').choices(simulationFormats))
    .option('--json', 'the same as --format json')
    .option('--steps', 'with JSON: every action with its start and end')
    .option('--out <file>', 'write to this file instead of standard output')
    .addHelpText(
      'after',
      `
FILE.json holds {"forward", "backwardInput", "backwardWeight", "overlapped", "p2p"}: each a number, or (but for p2p) a list
with one number a stage; "overlapped" goes by the stage of the pair's forward.
--replay prints what the run's step took and what is predicted for it; with a name, --microbatches, --stages-per-rank or --overlap, the rest is what that would take on
the same ranks. Times are then in seconds.
--trace prints milliseconds: what a profiled overlapped chunk took, what is predicted for it from its operations' durations alone, and for what was not
run: without overlap, with slower communication, with another split of the GPU's SMs (with --format svg and --sms-curve: that curve).

Examples:
  doubletrack simulate dualpipev --ranks 4 --microbatches 10 --forward 1 --backward-input 1 --backward-weight 1 --overlapped 2.5
  doubletrack simulate --replay runs/example gpipe
  doubletrack simulate --trace test/fixtures/deepseek-v3-train-h800.json.gz --slower-communication 2`,
    )
    .action(async (name: string | undefined, flags: SimulateFlags) => {
      const format = chooseFormat(flags);
      if (flags.steps === true && format !== 'json')
        throw new InputError({ what: '--steps needs JSON', mend: 'add --json' });
      checkTraceFlags(name, flags);
      if (flags.trace !== undefined) {
        const report = replayTrace(flags.trace, flags);
        return writeOutput(printTraceReport(report, format, flags.out === undefined), flags.out);
      }
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
  const costs = readCosts(flags);
  const schedule = loadSchedule(name, flags);
  const simulation = simulate(schedule, costs);
  return { title: describeSchedule(schedule), ...simulation, timeline: () => simulatedTimeline(schedule, simulation) };
}

/** Flags that say what the run's record says. */
const notForReplay = [
  'activationCap',
  'ranks',
  'from',
  'forward',
  'backwardInput',
  'backwardWeight',
  'overlapped',
  'p2p',
  'costs',
] as const satisfies readonly (keyof SimulateFlags)[];

/** Flags that need a trace. */
const onlyForTrace = [
  'slowerCommunication',
  'communicationSms',
  'saturationSms',
  'smsCurve',
] as const satisfies readonly (keyof TraceFlags)[];

/** A trace is of one chunk, without a schedule; its own flags need one. */
function checkTraceFlags(name: string | undefined, flags: SimulateFlags): void {
  if (flags.trace === undefined) {
    const lost = onlyForTrace.find((flag) => flags[flag] !== undefined);
    if (lost === undefined) return;
    throw new InputError({ what: `${spell(lost)} needs --trace`, mend: 'give --trace FILE.json' });
  }
  const other = [...notForReplay, 'microbatches', 'replay', 'overlap', 'steps'] as const;
  const surplus = other.find((flag) => flags[flag] !== undefined);
  if (surplus === undefined && name === undefined) return;
  throw new InputError({
    what: `${surplus === undefined ? `the name ${name}` : spell(surplus)} and --trace are given together`,
    mend: 'the trace is of one chunk, whatever the schedule; leave it out',
  });
}

/** The flag as it is written. */
function spell(flag: keyof SimulateFlags): string {
  return `--${flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function simulateReplay(folder: string, name: string | undefined, flags: SimulateFlags): PrintedSimulation {
  const surplus = notForReplay.find((flag) => flags[flag] !== undefined);
  if (surplus !== undefined) {
    throw new InputError({
      what: `${spell(surplus)} and --replay are given together`,
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
