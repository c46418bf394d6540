import { type Command, Option } from 'commander';
import { InputError } from '../base/index.js';
import { memoryCurve, simulate, simulatedTimeline } from '../simulate/index.js';
import { type AutoFlags, addAutoFlags, searchJson } from './auto-flags.js';
import { addCostFlags, type CostFlags, costFlagKeys, gatherCosts, spellFlag } from './cost-flags.js';
import { writeOutput } from './output.js';
import { describeSchedule } from './schedule.js';
import { addSourceFlags, chooseFormat, loadForCosts, type SourceFlags } from './schedule-source.js';
import {
  type PrintedSimulation,
  printSimulation,
  type SimulationFormat,
  simulationFormats,
} from './simulate-output.js';
import { replayRun } from './simulate-replay.js';

interface SimulateFlags extends SourceFlags, CostFlags, AutoFlags {
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
const notForReplay = ['ranks', 'from', ...costFlagKeys] as const satisfies readonly (keyof SimulateFlags)[];

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
