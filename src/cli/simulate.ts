import { type Command, Option } from 'commander';
import { InputError } from '../base/index.js';
import { describeSchedule, readScheduleName } from '../schedule/index.js';
import { memoryCurve, simulate, simulatedTimeline } from '../simulate/index.js';
import { type AutoFlags, addAutoFlags, refuseAutoFlags, searchJson } from './auto-flags.js';
import { checkOutputs } from './input-files.js';
import { writeOutput } from './output.js';
import { addSourceFlags, chooseFormat, loadForCosts, type SourceFlags } from './schedule-source.js';
import { addCostFlags, type CostFlags, costsHelp, gatherCosts, spellFlag } from './simulate-costs.js';
import {
  type PrintedSimulation,
  printSimulation,
  type SimulationFormat,
  simulationFormats,
} from './simulate-output.js';
import { readOfRun, replayRun } from './simulate-replay.js';
import { addTraceFlags, replayTrace, type TraceFlags } from './simulate-trace.js';
import { printTraceReport } from './simulate-trace-output.js';

interface SimulateFlags extends SourceFlags, CostFlags, TraceFlags, AutoFlags {
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
  addAutoFlags(addCostFlags(addSourceFlags(command)))
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
${costsHelp}
--replay prints what the run's step took and what is predicted for it; with a name, --microbatches, --stages-per-rank or --overlap, the rest is what
that would take on the same ranks. Times are then in seconds.
--trace prints milliseconds: what a profiled overlapped chunk took, what is predicted for it from its operations' durations alone, and for what was not
run: without overlap, with slower communication, with another split of the GPU's SMs (with --format svg and --sms-curve: that curve).

Examples:
  doubletrack simulate dualpipev --ranks 4 --microbatches 10 --forward 1 --backward-input 1 --backward-weight 1 --overlapped 2.5
  doubletrack simulate dualpipev --ranks 4 --microbatches 16 --costs examples/costs.json
  doubletrack simulate --replay runs/example gpipe
  doubletrack simulate --trace test/fixtures/deepseek-v3-train-h800.json.gz --slower-communication 2`,
    )
    .action(async (name: string | undefined, flags: SimulateFlags) => {
      const format = chooseFormat(flags);
      const ofRun = flags.replay === undefined ? [] : readOfRun(flags.replay);
      checkOutputs([flags.out], [flags.from, flags.costs, flags.trace, ...ofRun]);
      if (flags.steps === true && format !== 'json')
        throw new InputError({ what: '--steps needs JSON', mend: 'add --json' });
      if (flags.trace !== undefined || flags.replay !== undefined) refuseAutoFlags(flags);
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
  const { schedule, costs, search } = loadForCosts(name, flags, gatherCosts(flags));
  const simulation = simulate(schedule, costs);
  const { memory } = costs;
  return {
    title: describeSchedule(schedule),
    ...simulation,
    timeline: () => simulatedTimeline(schedule, simulation),
    ...(search !== undefined && { findings: { lines: [], json: { search: searchJson(search) } } }),
    ...(memory !== undefined && { memoryCurve: (rank) => memoryCurve(schedule, simulation, memory, rank) }),
  };
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
  'p2pLatency',
  'p2pBandwidth',
  'messageSize',
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
    throw new InputError({ what: `${spellFlag(lost)} needs --trace`, mend: 'give --trace FILE.json' });
  }
  const other = [...notForReplay, 'microbatches', 'replay', 'overlap', 'steps'] as const;
  const surplus = other.find((flag) => flags[flag] !== undefined);
  if (surplus === undefined && name === undefined) return;
  throw new InputError({
    what: `${surplus === undefined ? `the name ${name}` : spellFlag(surplus)} and --trace are given together`,
    mend: 'the trace is of one chunk, whatever the schedule; leave it out',
  });
}

function simulateReplay(folder: string, name: string | undefined, flags: SimulateFlags): PrintedSimulation {
  const surplus = notForReplay.find((flag) => flags[flag] !== undefined);
  if (surplus !== undefined) {
    throw new InputError({
      what: `${spellFlag(surplus)} and --replay are given together`,
      mend: 'the run says that; leave it out',
    });
  }
  return replayRun(folder, {
    ...(name === undefined ? {} : { schedule: readScheduleName(name) }),
    ...(flags.microbatches === undefined ? {} : { microbatches: flags.microbatches }),
    ...(flags.stagesPerRank === undefined ? {} : { stagesPerRank: flags.stagesPerRank }),
    ...(flags.overlap === undefined ? {} : { overlap: flags.overlap === 'on' }),
  });
}
