import { type Command, Option } from 'commander';
import { drawScheduleSvg, drawScheduleText } from '../draw/index.js';
import { formatAction, formatCsv, formatTrace, type Schedule, type Timeline } from '../schedule/index.js';
import { type Costs, simulate, simulatedTimeline } from '../simulate/index.js';
import { type AutoFlags, addAutoFlags } from './auto-flags.js';
import { hasColor, outputWidth, writeOutput } from './output.js';
import { addSourceFlags, chooseFormat, loadForCosts, type SourceFlags } from './schedule-source.js';
import { addCostFlags, type CostFlags, costsHelp, gatherCosts } from './simulate-costs.js';

const formats = ['text', 'json', 'csv', 'svg', 'trace'] as const;
type Format = (typeof formats)[number];

interface ScheduleFlags extends SourceFlags, CostFlags, AutoFlags {
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
    .addOption(new Option('--format <format>', 'how to print it (default: text)').choices(formats))
    .option('--json', 'the same as --format json')
    .option('--out <file>', 'write to this file instead of standard output')
    .addHelpText(
      'after',
      `
${costsHelp}
Times are for pictures, and what auto is searched for: of a stage; for auto, a list is of the model's stages and a number of one rank's share of the model
(1/P), so that with two stages a rank each takes half.

Examples:
  doubletrack schedule dualpipev --ranks 4 --microbatches 10 --format csv
  doubletrack schedule auto --ranks 4 --microbatches 12 --costs examples/uneven-costs.json`,
    )
    .action(async (name: string | undefined, flags: ScheduleFlags) => {
      const format = chooseFormat(flags);
      const { schedule, costs } = loadForCosts(name, flags, gatherCosts(flags));
      await writeOutput(printers[format](schedule, costs, flags.out === undefined), flags.out);
    });
}

/** How each format is printed; `toScreen` is whether standard output takes it. */
const printers: Readonly<Record<Format, (schedule: Schedule, costs: Costs, toScreen: boolean) => string>> = {
  text: (schedule, costs, toScreen) => {
    const options = toScreen ? { color: hasColor(), width: outputWidth() } : { color: false, width: 2000 };
    return `${describeSchedule(schedule)}\n\n${drawScheduleText(timelineOf(schedule, costs), options)}`;
  },
  json: (schedule) => `${JSON.stringify(scheduleJson(schedule))}\n`,
  csv: (schedule) => formatCsv(schedule),
  svg: (schedule, costs) => drawScheduleSvg(timelineOf(schedule, costs), describeSchedule(schedule)),
  trace: (schedule, costs) => formatTrace(timelineOf(schedule, costs)),
};

function timelineOf(schedule: Schedule, costs: Costs): Timeline {
  return simulatedTimeline(schedule, simulate(schedule, costs));
}

/** `dualpipev: 4 ranks, 8 stages, 10 microbatches`. */
export function describeSchedule({ name, ranks, stageToRank, microbatches }: Schedule): string {
  const count = (value: number, word: string) => `${value} ${word}${value === 1 ? '' : 's'}`;
  const microbatchWord = microbatches === 1 ? 'microbatch' : 'microbatches';
  return `${name}: ${count(ranks, 'rank')}, ${count(stageToRank.length, 'stage')}, ${microbatches} ${microbatchWord}`;
}

/** The contract's JSON: the schedule with its actions as PyTorch's text. */
function scheduleJson(schedule: Schedule) {
  const { name, ranks, microbatches, pipelines, stageToRank, actions } = schedule;
  return { name, ranks, microbatches, pipelines, stageToRank, actions: actions.map((list) => list.map(formatAction)) };
}
