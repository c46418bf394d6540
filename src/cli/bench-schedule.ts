import { formatBytes } from '../base/index.js';
import { checkSchedule, flattenSchedule, generateSchedule, type ScheduleRequest } from '../schedule/index.js';
import { simulate, unitCosts } from '../simulate/index.js';
import { measureSpread, type Spread } from '../train/index.js';
import { formatTable } from './table.js';

/** From small to the largest that there may be; DualPipeV on 64 ranks three times, each with twice the microbatches, to show that time grows with the actions. */
const requests: readonly ScheduleRequest[] = [
  { name: 'dualpipev', ranks: 16, microbatches: 480 },
  { name: 'dualpipev', ranks: 64, microbatches: 512 },
  { name: 'dualpipev', ranks: 64, microbatches: 1024 },
  { name: 'dualpipev', ranks: 64, microbatches: 2048 },
  { name: 'dualpipe', ranks: 64, microbatches: 512 },
  { name: '1f1b', ranks: 64, microbatches: 512 },
  { name: 'dualpipev', ranks: 256, microbatches: 4096 },
];

const parts = ['generate', 'check', 'simulate'] as const;
type Times = Readonly<Record<(typeof parts)[number] | 'total', number>>;

interface Case extends ScheduleRequest {
  readonly actions: number;
  /** Of all parts together. */
  readonly milliseconds: Spread;
  readonly parts: Readonly<Record<(typeof parts)[number], Spread>>;
}

/** Rounds of the two smallest before anything is timed, in which the program is compiled. */
const warmUpRounds = 25;

/** Times making, checking and simulating schedules, case by case, in one process that is warm. */
export function benchSchedule({ repeats, json }: { readonly repeats: number; readonly json?: boolean }): void {
  for (let round = 0; round < warmUpRounds; round++) for (const request of requests.slice(0, 2)) timeCase(request);
  const cases = requests.map((request): Case => {
    process.stderr.write(`${request.name}, ${request.ranks} ranks x ${request.microbatches} microbatches ...\n`);
    const times = Array.from({ length: repeats }, () => timeCase(request));
    const spreadOf = (part: keyof Times) => measureSpread(times.map((time) => time[part]));
    return {
      ...request,
      actions: flattenSchedule(generateSchedule(request)).kind.length,
      milliseconds: spreadOf('total'),
      parts: { generate: spreadOf('generate'), check: spreadOf('check'), simulate: spreadOf('simulate') },
    };
  });
  const peakMemoryBytes = process.resourceUsage().maxRSS * 1024;
  process.stdout.write(
    json === true ? `${JSON.stringify({ cases, peakMemoryBytes })}\n` : formatCases(cases, peakMemoryBytes),
  );
}

function timeCase(request: ScheduleRequest): Times {
  const start = performance.now();
  const schedule = generateSchedule(request);
  const generated = performance.now();
  const issues = checkSchedule(schedule);
  const checked = performance.now();
  const { makespan } = simulate(schedule, unitCosts);
  const end = performance.now();
  if (issues.length > 0 || !(makespan > 0)) throw new Error(`${request.name} does not check`);
  return { generate: generated - start, check: checked - generated, simulate: end - checked, total: end - start };
}

function formatCases(cases: readonly Case[], peakMemoryBytes: number): string {
  const header = ['schedule', 'ranks', 'microbatches', 'actions', 'milliseconds', ...parts, 'ns an action'];
  const rows = cases.map(({ name, ranks, microbatches, actions, milliseconds, parts: spreads }) => {
    const { median, min, max } = milliseconds;
    return [
      name,
      ...[ranks, microbatches, actions].map(String),
      `${median.toFixed(2)} [${min.toFixed(2)}..${max.toFixed(2)}]`,
      ...parts.map((part) => spreads[part].median.toFixed(2)),
      ((1e6 * median) / actions).toFixed(0),
    ];
  });
  return `${formatTable([header, ...rows])}one thread, warm; peak memory of the process ${formatBytes(peakMemoryBytes)}\n`;
}
