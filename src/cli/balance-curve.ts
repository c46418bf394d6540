import type { Command } from 'commander';
import { type BalanceRequest, createMachine, type Estimate, joinNodes, solveBalance } from '../balance/index.js';
import { InputError } from '../base/index.js';
import type { LoadsInput } from '../formats/index.js';
import { addSearchFlags, addSourceFlags, readSharedFlags } from './balance-flags.js';
import { readLoads, readSpeeds, type SourceFlags } from './balance-input.js';
import { parseNumber } from './numbers.js';
import { writeNotes, writeOutput } from './output.js';
import { createReporter } from './progress.js';
import { formatTable } from './table.js';

interface CurveFlags extends SourceFlags {
  readonly groups: number;
  readonly mostPerGpu: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** `doubletrack balance curve`: what more slots bring. */
export function addCurveCommand(balance: Command): void {
  const command = balance
    .command('curve')
    .description('Show how balance grows with the number of slots: how many redundant experts are worth their memory.')
    .argument('<loads...>', 'recorded loads, as for balance');
  addSearchFlags(addSourceFlags(command))
    .option(
      '--most-per-gpu <n>',
      'slots of each GPU beyond those that all experts need, at most',
      parseNumber('--most-per-gpu', { from: 1, to: 64, whole: true }),
      6,
    )
    .option('--json', 'print the points as JSON')
    .addHelpText('after', '\nExample:\n  doubletrack balance curve examples/loads.json --gpus 8 --most-per-gpu 3')
    .action((loads: string[], _: unknown, curve: Command) => runCurve(loads, readSharedFlags(balance, curve)));
}

/** The balance that a number of slots allows. */
interface CurvePoint {
  readonly slots: number;
  readonly redundant: number;
  readonly slotsPerGpu: number;
  /** On windows that were not placed by; of one window, on that one, without a spread. */
  readonly balancedness: number;
  readonly spread?: number;
  readonly deepseek?: number;
}

async function runCurve(paths: readonly string[], flags: CurveFlags): Promise<void> {
  if (flags.slots !== undefined || flags.gpuSlots !== undefined || flags.redundant !== undefined)
    throw new InputError({ what: 'a curve tries numbers of slots itself', mend: 'leave the number of slots out' });
  const input = await readLoads(paths, flags);
  const reporter = createReporter();
  const requests = listRequests(input, flags);
  const points = requests.map((request, index) => {
    reporter.show(`${request.machine.slots} slots, ${index + 1} of ${requests.length}`);
    return measurePoint(request);
  });
  reporter.end();
  writeNotes(input.recorded.notes);
  const enough = findEnough(points);
  if (flags.json === true) {
    await writeOutput(`${JSON.stringify({ points, enough: enough?.slots ?? null })}\n`, undefined);
    return;
  }
  await writeOutput(formatCurve(points, enough, input.loads.windows), undefined);
}

/** A request for each number of slots: as many on every GPU as all experts need on those in use, and more. */
function listRequests({ loads, isTimed }: LoadsInput, flags: CurveFlags): readonly BalanceRequest[] {
  const { gpus, nodes = 1, excludeGpus = [], gpuSpeeds, groups, mostPerGpu, seed } = flags;
  if (gpus === undefined) throw new InputError({ what: 'the number of GPUs is missing', mend: 'add --gpus G' });
  const speeds = gpuSpeeds === undefined ? undefined : readSpeeds(gpuSpeeds);
  const least = Math.ceil(loads.experts / Math.max(1, gpus - new Set(excludeGpus).size));
  const joined = joinNodes({ gpus, nodes, groups, policy: 'best' });
  return Array.from({ length: mostPerGpu + 1 }, (_, more) => {
    const slots = gpus * (least + more);
    const machine = createMachine({ gpus, slots, nodes: joined.nodes, excludedGpus: excludeGpus, speeds });
    return { loads, machine, policy: 'best', strategy: 'auto', groups: joined.groups, isTimed, seed };
  });
}

function measurePoint(request: BalanceRequest): CurvePoint {
  const { heldOut, after } = solveBalance(request, { now: () => performance.now() });
  const { slots, gpus } = request.machine;
  const { value, spread }: Partial<Estimate> = heldOut?.balancedness ?? {};
  return {
    slots,
    redundant: slots - request.loads.experts,
    slotsPerGpu: slots / gpus,
    balancedness: value ?? after.balancedness.ratioOfSums,
    ...(spread === undefined ? {} : { spread }),
    ...(heldOut?.deepseek === undefined ? {} : { deepseek: heldOut.deepseek.ratioOfSums }),
  };
}

/** More balance than this is worth a slot on every GPU. */
const WORTH_A_SLOT = 0.01;

/** The fewest slots from which more never bring 1% for each that every GPU gets, or none where the curve still rises at its end. */
function findEnough(points: readonly CurvePoint[]): CurvePoint | undefined {
  const last = points.at(-1);
  return points.find(
    (point) => point !== last && points.every((other) => other.slots <= point.slots || isNoBetter(point, other)),
  );
}

function isNoBetter(point: CurvePoint, other: CurvePoint): boolean {
  const more = other.slotsPerGpu - point.slotsPerGpu;
  return other.balancedness <= point.balancedness * (1 + WORTH_A_SLOT * more);
}

const BAR = 40;

function formatCurve(points: readonly CurvePoint[], enough: CurvePoint | undefined, windows: number): string {
  const isHeldOut = windows > 1;
  const rows = points.map(({ slots, redundant, slotsPerGpu, balancedness, spread, deepseek }) => [
    String(slots),
    String(redundant),
    String(slotsPerGpu),
    `${balancedness.toFixed(4)}${spread === undefined ? '' : ` ± ${spread.toFixed(4)}`}`,
    deepseek?.toFixed(4) ?? '',
    '█'.repeat(Math.round(balancedness * BAR)).padEnd(BAR, '·'),
  ]);
  const table = formatTable([['slots', 'redundant', 'a GPU', 'balancedness', "DeepSeek's EPLB", ''], ...rows]);
  const of = isHeldOut
    ? `Balancedness (ratio of sums) on windows that were not placed by, of ${windows} windows.`
    : 'Balancedness (ratio of sums) on the one window that was placed by; on others it is lower.';
  const advice =
    enough === undefined
      ? `One more slot on every GPU still brings ${100 * WORTH_A_SLOT}% or more at the end of the curve: see further with --most-per-gpu.`
      : `From ${enough.slots} slots on (${enough.redundant} redundant experts, ${enough.slotsPerGpu} slots a GPU), more slots bring less than ${100 * WORTH_A_SLOT}% of balance for each that every GPU gets.`;
  return `${table}\n${of}\n${advice}\n`;
}
