/** A line of `metrics.jsonl`. */
export interface StepMetrics {
  readonly step: number;
  /** Mean cross-entropy in nats a token. */
  readonly loss: number;
  readonly validationLoss?: number;
  readonly gradNorm: number;
  readonly learningRate: number;
  readonly tokens: number;
  readonly seconds: number;
  readonly tokensPerSecond: number;
  /**
   * Billions of the model's own operations a second (`modelFlops`), of all ranks; missing in runs of older versions, as
   * the next ones.
   */
  readonly gflops?: number;
  /** What share that is of what all threads that compute could reach; only once that was measured. */
  readonly mfu?: number;
  /** The most memory that the process, over MPI all together, had at once until now. */
  readonly peakMemoryBytes?: number;
  /** By rank, as the next ones: computing, exposed communication and idle time sum to the step. */
  readonly computeSeconds: readonly number[];
  /** The communication lane at work, hidden or not. */
  readonly communicationSeconds: readonly number[];
  readonly exposedCommunicationSeconds: readonly number[];
  readonly idleSeconds: readonly number[];
  /** Of experts, whatever rank they lie on, as the router chooses them: mean over layers of mean expert load over largest; 1 is balanced. */
  readonly balancedness: number;
  /** Of ranks: sum over layers of the mean expert rank's rows over the sum of the largest; 1 is balanced. */
  readonly rankBalancedness: number;
  /** Rows (choices of tokens) of all layers that each rank's experts computed. */
  readonly rankLoads: readonly number[];
  /** The rows that it would have been with the placement of the run's start, replicas sharing evenly; only where placements change. */
  readonly unmovedRankLoads?: readonly number[];
  /** Time for which each rank's computing thread had a core; absent where the system does not tell, or ranks compute with several threads. */
  readonly computeCpuSeconds?: readonly number[];
  /** Time of the experts alone: elapsed, and that for which the thread had a core. */
  readonly expertSeconds: readonly number[];
  readonly expertCpuSeconds?: readonly number[];
  /** Replicas moved between ranks at the end of the step. */
  readonly moves: number;
  readonly decision?: DecisionMetrics;
  readonly migration?: MigrationMetrics;
}

/** What was decided while the step ran, from the loads up to the step `after`, the one before it. */
export interface DecisionMetrics {
  readonly after: number;
  /** Of ranks, as predicted from those loads: with the placement in force, and with the next. */
  readonly balancednessBefore: number;
  readonly balancednessAfter: number;
  /** Of experts, whatever rank they lie on. */
  readonly expertBalancedness: number;
  /** How much the loads of experts change from step to step: standard deviations over means. */
  readonly loadVariation: number;
  /** Replicas that are to move, and their bytes; 0 where the placement stays. */
  readonly moves: number;
  readonly bytes: number;
  /** What the next placement saves until the next decision, and what the moves take if nothing hides them, as predicted. */
  readonly gainSeconds: number;
  readonly costSeconds: number;
  /** How far the gain may be from that; missing in runs of older versions. */
  readonly gainSpreadSeconds?: number;
  /** Why they move, or why not. */
  readonly reason: string;
  /** What a move takes in this run, as a sentence. */
  readonly moveCost: string;
}

/** Replicas that travelled during a step. */
export interface MigrationMetrics {
  /** To slots of ranks that did not hold the expert. */
  readonly moves: number;
  readonly bytes: number;
  /** The communication lane at work on it, of the rank where that took longest. */
  readonly seconds: number;
  /** What nothing hid, of the rank where that took longest: waiting for what travels, and taking it over. */
  readonly exposedSeconds: number;
}

/** What every line has, and by rank. */
const numberKeys = [
  'loss',
  'gradNorm',
  'learningRate',
  'tokens',
  'seconds',
  'tokensPerSecond',
  'balancedness',
  'rankBalancedness',
  'moves',
] as const;
const rankKeys = [
  'computeSeconds',
  'communicationSeconds',
  'exposedCommunicationSeconds',
  'idleSeconds',
  'rankLoads',
  'expertSeconds',
] as const;
/** What some lines have. */
const optionalNumberKeys = ['validationLoss', 'gflops', 'mfu', 'peakMemoryBytes'] as const;
const optionalRankKeys = ['unmovedRankLoads', 'computeCpuSeconds', 'expertCpuSeconds'] as const;
const decisionNumberKeys = [
  'after',
  'balancednessBefore',
  'balancednessAfter',
  'expertBalancedness',
  'loadVariation',
  'moves',
  'bytes',
  'gainSeconds',
  'costSeconds',
] as const;
const decisionOptionalKeys = ['gainSpreadSeconds'] as const;
const decisionTextKeys = ['reason', 'moveCost'] as const;
const migrationKeys = ['moves', 'bytes', 'seconds', 'exposedSeconds'] as const;

/** Limits of a line: a hostile one must not ask for long work. */
const limits = { ranks: 4096, letters: 2000 } as const;

/** The metrics of a line; undefined for one that is none. */
export function parseMetrics(line: string): StepMetrics | undefined {
  try {
    return readMetricsLine(JSON.parse(line));
  } catch {
    return undefined;
  }
}

/**
 * The metrics that a line's value holds, and nothing else that it holds; undefined for one that lacks what every line has. What only some lines have is left out where it is
 * not as it should be.
 */
export function readMetricsLine(value: unknown): StepMetrics | undefined {
  const table = asTable(value);
  if (table === undefined || !Number.isSafeInteger(table.step) || (table.step as number) <= 0) return undefined;
  if (!numberKeys.every((key) => Number.isFinite(table[key])) || !rankKeys.every((key) => isRanks(table[key])))
    return undefined;
  const optional = {
    ...pick(
      table,
      optionalNumberKeys.filter((key) => Number.isFinite(table[key])),
    ),
    ...pick(
      table,
      optionalRankKeys.filter((key) => isRanks(table[key])),
    ),
  };
  const decision = readPart(table.decision, decisionNumberKeys, decisionTextKeys, decisionOptionalKeys);
  const migration = readPart(table.migration, migrationKeys, []);
  return {
    ...pick(table, ['step', ...numberKeys, ...rankKeys]),
    ...optional,
    ...(migration !== undefined && { migration }),
    ...(decision !== undefined && { decision }),
  } as unknown as StepMetrics;
}

type Table = Readonly<Record<string, unknown>>;

function asTable(value: unknown): Table | undefined {
  return typeof value === 'object' && value !== null ? (value as Table) : undefined;
}

/** A number of each rank. */
function isRanks(value: unknown): boolean {
  return Array.isArray(value) && value.length <= limits.ranks && value.every((one) => Number.isFinite(one));
}

function readPart(
  value: unknown,
  numbers: readonly string[],
  texts: readonly string[],
  optional: readonly string[] = [],
): Table | undefined {
  const table = asTable(value);
  const isText = (one: unknown) => typeof one === 'string' && one.length <= limits.letters;
  if (table === undefined || !numbers.every((key) => Number.isFinite(table[key]))) return undefined;
  const given = optional.filter((key) => Number.isFinite(table[key]));
  return texts.every((key) => isText(table[key])) ? pick(table, [...numbers, ...texts, ...given]) : undefined;
}

function pick(table: Table, keys: readonly string[]): Table {
  return Object.fromEntries(keys.map((key) => [key, table[key]]));
}
