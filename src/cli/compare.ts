import type { Command } from 'commander';
import { formatPercent } from '../base/index.js';
import { formatTime } from '../draw/index.js';
import { type ComparedRow, type Comparison, compareSchedules, labelSchedule } from '../plan/index.js';
import { checkOutputs } from './input-files.js';
import { parseNumber } from './numbers.js';
import { writeOutput } from './output.js';
import { createReporter } from './progress.js';
import { parseCount } from './schedule-source.js';
import { addCostFlags, type CostFlags, gatherCosts } from './simulate-costs.js';
import { roundTime } from './simulate-output.js';
import { formatTable } from './table.js';

interface CompareFlags extends CostFlags {
  readonly ranks: number;
  readonly microbatches: number;
  readonly stages?: number;
  readonly iterations?: number;
  readonly json?: boolean;
  readonly out?: string;
}

/** `doubletrack compare`: all schedules side by side, at equal devices and at equal stages. */
export function addCompareCommand(program: Command): void {
  const command = program
    .command('compare')
    .description('Compare all pipeline schedules at equal devices and at equal stages.')
    .requiredOption('--ranks <count>', 'devices of a pipeline, in the first table', parseCount('--ranks'))
    .requiredOption(
      '--microbatches <count>',
      'microbatches of a step, of all pipelines together',
      parseCount('--microbatches'),
    )
    .option('--stages <count>', 'stages of the model, in the second table (default: --ranks)', parseCount('--stages'));
  addCostFlags(command)
    .option(
      '--iterations <count>',
      'changed orders that auto tries for a row (default: 4000, fewer for large schedules)',
      parseNumber('--iterations', { from: 0, to: 1e9, whole: true }),
    )
    .option('--json', 'one JSON document instead of tables')
    .option('--out <file>', 'write to this file instead of standard output')
    .addHelpText('after', help)
    .action(async (flags: CompareFlags) => {
      const { ranks, microbatches, stages, iterations, json, out } = flags;
      checkOutputs([out], [flags.costs]);
      const report = createReporter();
      const comparison = compareSchedules({
        ranks,
        microbatches,
        ...(iterations !== undefined && { iterations }),
        costs: gatherCosts(flags),
        ...(stages !== undefined && { stages }),
        onRow: (name) => report.show(`compare: ${name} ...`),
      });
      report.end();
      await writeOutput(
        json === true ? `${JSON.stringify(comparisonJson(comparison))}\n` : formatComparison(comparison),
        out,
      );
    });
}

const help = `
Times are of one device's share of the model, 1/ranks: a stage of a schedule with 2 stages a rank takes half, --overlapped of a pair too. Lists in
FILE.json have one entry for each part of the model; a stage is a run of parts. A message takes the same however the model is cut.

The JSON document is {"ranks", "microbatches", "equalDevices": [rows], "stages", "equalStages": [rows]}. A row is {"name", "stagesPerRank" (of all copies of
the model), "ranks", "stages" (of one copy), "makespan", "bubble", "parameters" (of the rank with most, 1 = 1/ranks of the model), "peakActivations" (of the
rank with most, 1 = one microbatch in 1/ranks of the model), "peakMemory" (where the costs have memory), "messages" (between ranks, a step), "messagesSent"
(by the busiest rank), "volume" (of all messages; 1 = a microbatch's activations at a boundary, or --message-size), "note"}; or, where a limit forbids
the schedule, {"name", "stagesPerRank", "refusal"}.

Example:
  doubletrack compare --ranks 8 --microbatches 32 --forward 1 --backward-input 1 --backward-weight 1 --overlapped 2.5 --p2p 0.05`;

/** The document that --help describes. */
function comparisonJson({ equalDevices, equalStages, ...rest }: Comparison) {
  const round = (row: ComparedRow) =>
    'refusal' in row ? row : { ...row, makespan: roundTime(row.makespan), bubble: roundTime(row.bubble) };
  const { ranks, microbatches, stages } = rest;
  return { ranks, microbatches, equalDevices: equalDevices.map(round), stages, equalStages: equalStages.map(round) };
}

function formatComparison({ ranks, microbatches, equalDevices, stages, equalStages }: Comparison): string {
  return [
    `Equal devices: ${ranks} ranks and the same model, cut into as many stages as each schedule has; ${microbatches} microbatches.\n`,
    formatRows(equalDevices),
    `Equal stages: the same model cut into ${stages} stages, each schedule on as many ranks as that takes; ${microbatches} microbatches.\n`,
    formatRows(equalStages),
    `1x of parameters and 1 of activations are 1/${ranks} of the model, of the rank with most; volume is in microbatches' activations at a boundary, or in the unit of the message size.\n`,
  ].join('\n');
}

function formatRows(rows: readonly ComparedRow[]): string {
  const hasMemory = rows.some((row) => 'peakMemory' in row);
  const header = ['schedule', 'ranks', 'stages', 'makespan', 'bubble', 'parameters', 'peak activations'];
  const columns = [...header, ...(hasMemory ? ['peak memory'] : []), 'messages', 'volume'];
  const cells = rows.map((row) => {
    const label = labelSchedule(row.name, row.stagesPerRank);
    if ('refusal' in row) return [label, ...columns.slice(1).map(() => '-')];
    const { makespan, bubble, parameters, peakActivations, peakMemory, messages, volume } = row;
    return [
      label,
      String(row.ranks),
      String(row.stages),
      formatTime(roundTime(makespan)),
      formatPercent(bubble, 2),
      `${formatTime(roundTime(parameters))}x`,
      formatTime(roundTime(peakActivations)),
      ...(hasMemory ? [formatTime(roundTime(peakMemory ?? 0))] : []),
      String(messages),
      String(roundTime(volume)),
    ];
  });
  const notes = rows.map((row) => ('refusal' in row ? row.refusal : (row.note ?? '')));
  // Notes are text of any length: they follow the aligned columns.
  const lines = formatTable([columns, ...cells])
    .trimEnd()
    .split('\n');
  return `${lines.map((line, index) => `${line}  ${index === 0 ? 'note' : notes[index - 1]}`.trimEnd()).join('\n')}\n`;
}
