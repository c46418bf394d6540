import { type Command, Option } from 'commander';
import { InputError } from '../base/index.js';
import { drawScheduleSvg } from '../draw/index.js';
import {
  describeSchedule,
  formatAction,
  formatCsv,
  formatLoweredCsv,
  formatTrace,
  type LoweredAction,
  type LoweredSchedule,
  loweredActions,
  lowerSchedule,
  type Schedule,
  type Timeline,
  type TorchRelease,
  torchReleases,
} from '../schedule/index.js';
import { type Costs, simulate, simulatedTimeline } from '../simulate/index.js';
import { type AutoFlags, addAutoFlags } from './auto-flags.js';
import { checkOutputs } from './input-files.js';
import { writeOutput } from './output.js';
import { drawPicture } from './picture.js';
import { addSourceFlags, chooseFormat, loadForCosts, type SourceFlags } from './schedule-source.js';
import { addCostFlags, type CostFlags, costsHelp, gatherCosts } from './simulate-costs.js';

const formats = ['text', 'json', 'csv', 'svg', 'trace'] as const;
type Format = (typeof formats)[number];

interface ScheduleFlags extends SourceFlags, CostFlags, AutoFlags {
  readonly comms?: boolean;
  readonly torch?: TorchRelease;
  readonly format?: Format;
  readonly json?: boolean;
  readonly out?: string;
}

/** `doubletrack schedule`: makes or reads a pipeline schedule, checks it and prints it. */
export function addScheduleCommand(program: Command): void {
  const command = program
    .command('schedule')
    .description('Make or read a pipeline schedule, check it, and print it in any format.');
  addAutoFlags(addCostFlags(addSourceFlags(command)))
    .option(
      '--comms',
      'print it with the communication that PyTorch adds: messages, and parameters gathered and gradients summed',
    )
    .addOption(
      new Option('--torch <release>', 'with --comms: the PyTorch that reads it (default: 2.15 and later)').choices(
        torchReleases,
      ),
    )
    .addOption(new Option('--format <format>', 'how to print it (default: text)').choices(formats))
    .option('--json', 'the same as --format json')
    .option('--out <file>', 'write to this file instead of standard output')
    .addHelpText(
      'after',
      `
${costsHelp}
Times are for pictures, and what auto is searched for: of a stage; for auto, a list is of the model's stages and a number of one rank's share of the model
(1/P), so that with two stages a rank each takes half.
With --comms there are text (a list a rank), json and csv. --torch 2.14 leaves out the waits that older releases do not know.

Examples:
  doubletrack schedule dualpipev --ranks 4 --microbatches 10 --format csv
  doubletrack schedule 1f1b --ranks 4 --microbatches 8 --comms --format csv
  doubletrack schedule auto --ranks 4 --microbatches 12 --costs examples/uneven-costs.json`,
    )
    .action(async (name: string | undefined, flags: ScheduleFlags) => {
      const format = chooseFormat(flags);
      checkOutputs([flags.out], [flags.from, flags.costs]);
      if (flags.comms === true) return writeOutput(printLowered(format, name, flags), flags.out);
      if (flags.torch !== undefined) throw new InputError({ what: '--torch needs --comms', mend: 'add --comms' });
      const { schedule, costs } = loadForCosts(name, flags, gatherCosts(flags));
      await writeOutput(printers[format](schedule, costs, flags.out === undefined), flags.out);
    });
}

/** How each format is printed; `toScreen` is whether standard output takes it. */
const printers: Readonly<Record<Format, (schedule: Schedule, costs: Costs, toScreen: boolean) => string>> = {
  text: (schedule, costs, toScreen) => {
    const more = '--format csv lists all actions, --format svg draws them';
    const picture = drawPicture(() => timelineOf(schedule, costs), { toScreen, more });
    return `${describeSchedule(schedule)}\n\n${picture}`;
  },
  json: (schedule) => formatJson(schedule, (rank) => schedule.actions[rank] ?? []),
  csv: (schedule) => formatCsv(schedule),
  svg: (schedule, costs) => drawScheduleSvg(timelineOf(schedule, costs), describeSchedule(schedule)),
  trace: (schedule, costs) => formatTrace(timelineOf(schedule, costs)),
};

function timelineOf(schedule: Schedule, costs: Costs): Timeline {
  return simulatedTimeline(schedule, simulate(schedule, costs));
}

/** The contract's JSON: the schedule with its actions as PyTorch's text. */
function formatJson(schedule: Schedule, actionsOf: (rank: number) => Iterable<LoweredAction>): string {
  const { name, ranks, microbatches, pipelines, stageToRank } = schedule;
  const actions = Array.from({ length: ranks }, (_, rank) => Array.from(actionsOf(rank), formatAction));
  return `${JSON.stringify({ name, ranks, microbatches, pipelines, stageToRank, actions })}\n`;
}

/** How a schedule with communication is printed: the lists of the ranks, since it has no times. */
const loweredPrinters: Readonly<Partial<Record<Format, (lowered: LoweredSchedule) => string>>> = {
  text: (lowered) =>
    `${describeSchedule(lowered.schedule)}\n\n${lowered.lists.map((_, rank) => listRank(lowered, rank)).join('')}`,
  json: (lowered) => formatJson(lowered.schedule, (rank) => loweredActions(lowered, rank)),
  csv: formatLoweredCsv,
};

function printLowered(format: Format, name: string | undefined, flags: ScheduleFlags): string {
  const print = loweredPrinters[format];
  if (print === undefined) {
    throw new InputError({
      what: `--comms and --format ${format} are given together`,
      mend: 'use text, json or csv: a picture shows computation',
    });
  }
  const { schedule, lowered } = loadForCosts(name, flags, gatherCosts(flags));
  if (lowered !== undefined && flags.torch !== undefined) {
    throw new InputError({
      what: 'the file has its communication',
      where: flags.from ?? '',
      mend: 'leave --torch out',
    });
  }
  return print(lowered ?? lowerSchedule(schedule, flags.torch));
}

/** `rank 0: 0UNSHARD 0F0 0SEND_F0 ...` */
function listRank(lowered: LoweredSchedule, rank: number): string {
  return `rank ${rank}: ${Array.from(loweredActions(lowered, rank), formatAction).join(' ')}\n`;
}
