import { type Command, Option } from 'commander';
import { drawScheduleSvg, drawScheduleText } from '../draw/index.js';
import { formatAction, formatCsv, formatTrace, type Schedule, type Timeline } from '../schedule/index.js';
import { simulate, simulatedTimeline, unitCosts } from '../simulate/index.js';
import { hasColor, outputWidth, writeOutput } from './output.js';
import { addSourceFlags, chooseFormat, loadSchedule, type SourceFlags } from './schedule-source.js';

const formats = ['text', 'json', 'csv', 'svg', 'trace'] as const;
type Format = (typeof formats)[number];

interface ScheduleFlags extends SourceFlags {
  readonly format?: Format;
  readonly json?: boolean;
  readonly out?: string;
}

/** `doubletrack schedule`: makes or reads a pipeline schedule, checks it and prints it. */
export function addScheduleCommand(program: Command): void {
  addSourceFlags(
    program.command('schedule').description('Make or read a pipeline schedule, check it, and print it in any format.'),
  )
    .addOption(new Option('--format <format>', 'how to print it (default: text)').choices(formats))
    .option('--json', 'the same as --format json')
    .option('--out <file>', 'write to this file instead of standard output')
    .addHelpText(
      'after',
      `
Pictures show forward, backward for inputs and backward for weights as one unit of time each.

Example:
  doubletrack schedule dualpipev --ranks 4 --microbatches 10 --format csv`,
    )
    .action(async (name: string | undefined, flags: ScheduleFlags) => {
      const format = chooseFormat(flags);
      const schedule = loadSchedule(name, flags);
      await writeOutput(printers[format](schedule, flags.out === undefined), flags.out);
    });
}

/** How each format is printed; `toScreen` is whether standard output takes it. */
const printers: Readonly<Record<Format, (schedule: Schedule, toScreen: boolean) => string>> = {
  text: (schedule, toScreen) => {
    const options = toScreen ? { color: hasColor(), width: outputWidth() } : { color: false, width: 2000 };
    return `${describeSchedule(schedule)}\n\n${drawScheduleText(timelineOf(schedule), options)}`;
  },
  json: (schedule) => `${JSON.stringify(scheduleJson(schedule))}\n`,
  csv: formatCsv,
  svg: (schedule) => drawScheduleSvg(timelineOf(schedule), describeSchedule(schedule)),
  trace: (schedule) => formatTrace(timelineOf(schedule)),
};

function timelineOf(schedule: Schedule): Timeline {
  return simulatedTimeline(schedule, simulate(schedule, unitCosts));
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
