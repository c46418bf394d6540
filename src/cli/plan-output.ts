import { formatBytes } from '../base/index.js';
import {
  breakdownWords,
  countAlike,
  describeModel,
  formatStepSeconds,
  knownError,
  type Plan,
  type PlanColumn,
  type PlannedSearch,
  planColumns,
  planRates,
  type StepBreakdown,
  summarizeSearch,
} from '../plan/index.js';
import { formatTable } from './table.js';

/** What was searched and found, for the printers. */
export interface PrintedSearch extends PlannedSearch {
  /** How many plans to print. */
  readonly top: number;
}

const gibibyte = 2 ** 30;

/** The contract's JSON, ends in a line break. */
export function printJson(search: PrintedSearch): string {
  const { result, basis, request, calibrationFile, top } = search;
  const { plans, rejected } = result;
  const document = {
    plans: plans.slice(0, top).map((plan) => planJson(search, plan)),
    rejected,
    predictedLayouts: plans.length,
    knownError: knownError(basis.calibration),
    plansWithinKnownError: countAlike(search),
    model: describeModel(basis, request.sequenceLength),
    calibration: calibrationFile === 'none' ? null : basis.calibration,
  };
  return `${JSON.stringify(document)}\n`;
}

function planJson(search: PrintedSearch, plan: Plan) {
  const { peakMemoryBytes, breakdown, memory, ...rest } = plan;
  const toGib = (bytes: number) => round(bytes / gibibyte);
  return {
    ...roundAll(rest),
    peakMemoryGiB: peakMemoryBytes.map(toGib),
    ...roundAll(planRates(search, plan)),
    breakdownSeconds: roundAll(breakdown),
    memoryGiB: Object.fromEntries(Object.entries(memory).map(([part, bytes]) => [part, toGib(bytes)])),
  };
}

/** Six digits are more than a prediction has. */
function round(value: number): number {
  return Number(value.toPrecision(6));
}

function roundAll<T extends object>(values: T): T {
  return Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, typeof value === 'number' ? round(value) : (value as unknown)]),
  ) as T;
}

/** For a person; ends in a line break. */
export function printText(search: PrintedSearch): string {
  const { result, top } = search;
  const [best] = result.plans;
  const columns: readonly PlanColumn[] = Object.values(planColumns);
  const rows = result.plans.slice(0, top).map((plan) => {
    const rates = planRates(search, plan);
    return columns.map(({ text }) => text(plan, rates));
  });
  const summary = Object.entries(summarizeSearch(search)).map(([part, text]) => `${part.padEnd(9)}${text as string}`);
  return [
    ...summary,
    '',
    formatTable([columns.map(({ name }) => name), ...rows]),
    ...(best === undefined ? [] : bestLines(best)),
    '',
  ].join('\n');
}

/** Where the best plan's time and memory go. */
function bestLines({ breakdown, memory, stepSeconds, layersByStage, exposedCommunicationSeconds }: Plan): string[] {
  const seconds = Object.entries(breakdownWords).map(([part, what]) => {
    const time = breakdown[part as keyof StepBreakdown];
    return [what, formatStepSeconds(time), `${((100 * time) / stepSeconds).toFixed(1)}%`];
  });
  const bytes = Object.entries(memory).map(([part, amount]) => [part, formatBytes(amount as number)]);
  return [
    `the first plan: where the ${formatStepSeconds(stepSeconds)} go (predicted, mean of the ranks)`,
    formatTable(seconds),
    `of it ${formatStepSeconds(exposedCommunicationSeconds)} wait for all-to-alls and messages`,
    '',
    'memory of its fullest rank (predicted)',
    formatTable(bytes),
    `layers of its stages: ${layersByStage.join(' ')}`,
  ];
}
