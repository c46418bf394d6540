// The overlap benchmark's results for people: tables, whether the bars are met, and the picture.
import { drawLineChartSvg } from '../dist/src/draw/index.js';

/** What is to be reached. */
const bars = { saving: 0.3, utilisationGain: 0.2, stepOverLongerLane: 1.1, loopbackCost: 0.03 };

const percent = (share) => `${(100 * share).toFixed(1)}%`;
const seconds = (value) => value.toFixed(3);
const range = ({ median, min, max }, format) => `${format(median)} [${format(min)}..${format(max)}]`;
const byRank = (values) => values.map(seconds).join(' / ');
const verdict = (isMet) => (isMet ? 'met' : 'NOT met');

/** Markdown, columns aligned. */
function formatTable(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const line = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
  const [header, ...rest] = rows.map(line);
  return `${[header, `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rest].join('\n')}\n`;
}

function formatVariants(summaries) {
  const header = ['', 'step, s: median [min..max]', 'computing, s, by rank', 'communicating, s', 'not hidden, s'];
  const rows = summaries.map((one) => [
    one.name,
    range(one.stepSeconds, seconds),
    byRank(one.computeSeconds),
    byRank(one.communicationSeconds),
    byRank(one.exposedCommunicationSeconds),
  ]);
  const utilisations = summaries.map(({ utilisation }) => percent(utilisation));
  return formatTable([[...header, 'utilisation'], ...rows.map((row, index) => [...row, utilisations[index]])]);
}

const formatLosses = ({ lossDifference }) =>
  `losses: the same, largest relative difference ${lossDifference.toExponential(1)}\n`;

/** The headline: both variants at one rate. */
export function formatComparison(result) {
  const { load, megabits, summaries, saving, savingByRound, utilisationGain, linkSeconds } = result;
  const { longerLaneSeconds, stepOverLongerLane } = result;
  return [
    `link ${megabits} Mbit/s; ${(load.bytes / 1e6).toFixed(1)} MB a step each way, ${seconds(linkSeconds)} s at this rate\n`,
    formatVariants(summaries),
    formatLosses(result),
    `step time less by ${percent(saving)}, by round ${range(savingByRound, percent)}; bar 30%: ${verdict(saving >= bars.saving)}\n`,
    `utilisation more by ${percent(utilisationGain)}; bar 20%: ${verdict(utilisationGain >= bars.utilisationGain)}\n`,
    `step over longer lane (${seconds(longerLaneSeconds)} s): ${stepOverLongerLane.toFixed(3)}; goal 1.1: ${verdict(stepOverLongerLane <= bars.stepOverLongerLane)}\n`,
  ].join('');
}

/** Overlap on and off without a limit. */
export function formatLoopback(result) {
  const { summaries, saving, savingByRound } = result;
  const negative = ({ median, min, max }) => ({ median: -median, min: -max, max: -min });
  return [
    'no limit\n',
    formatVariants(summaries),
    formatLosses(result),
    `overlap costs ${percent(-saving)}, by round ${range(negative(savingByRound), percent)}; bar 3%: ${verdict(-saving <= bars.loopbackCost)}\n`,
  ].join('');
}

/** A row a rate. */
export function formatSweep({ rows }) {
  const header = [
    'link, Mbit/s',
    'link at work, s',
    'computing, s',
    '1f1b, s',
    'dualpipev, overlap, s',
    'less',
    'over longer lane',
  ];
  const lines = rows.map((row) => [
    row.megabits === undefined ? 'no limit' : String(row.megabits),
    row.megabits === undefined ? '' : seconds(row.linkSeconds),
    seconds(Math.max(...row.summaries[1].computeSeconds)),
    ...row.summaries.map(({ stepSeconds }) => range(stepSeconds, seconds)),
    percent(row.saving),
    row.stepOverLongerLane.toFixed(2),
  ]);
  return formatTable([header, ...lines]);
}

/** Step time over link rate, with and without overlap, and both lanes. */
export function drawSweep({ rows }) {
  const limited = rows.filter(({ megabits }) => megabits !== undefined);
  const line = (value) => limited.map((row) => ({ x: row.megabits, y: value(row) }));
  const steps = (index) =>
    limited.map(({ megabits, summaries }) => {
      const { median, min, max } = summaries[index].stepSeconds;
      return { x: megabits, y: median, low: min, high: max };
    });
  return drawLineChartSvg({
    title: 'Step time over link rate: two ranks that share the experts',
    xLabel: 'link rate, Mbit/s',
    yLabel: 'seconds a step',
    series: [
      { name: '1F1B, no overlap', color: '#b4451f', points: steps(0) },
      { name: 'DualPipeV, overlapped pairs', color: '#1f6fb4', points: steps(1) },
      {
        name: 'computing',
        color: '#4d8a3d',
        isThin: true,
        points: line(({ summaries }) => Math.max(...summaries[1].computeSeconds)),
      },
      { name: 'link at work', color: '#6b6f76', isThin: true, points: line(({ linkSeconds }) => linkSeconds) },
    ],
  });
}
