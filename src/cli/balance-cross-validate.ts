import { type Command, Option } from 'commander';
import {
  type ExpertLoads,
  type Machine,
  measureBalancedness,
  measureEvenLoads,
  measureGpuLoads,
  type PlaceOptions,
  pickWindows,
  placeExperts,
} from '../balance/index.js';
import { InputError } from '../base/index.js';
import { addSourceFlags, readSharedFlags } from './balance-flags.js';
import { readLoads, readMachine, type SourceFlags } from './balance-input.js';
import { parseNumber } from './numbers.js';
import { writeOutput } from './output.js';
import { formatTable } from './table.js';

interface CrossValidateFlags extends SourceFlags {
  readonly measure: 'meanOfRatios' | 'ratioOfSums';
  readonly seeds: number;
  readonly json?: boolean;
}

/** How experts are placed from the other windows. */
const methods: readonly { readonly name: string; readonly options: PlaceOptions; readonly isSeeded: boolean }[] = [
  { name: 'deepseek', options: { policy: 'deepseek' }, isSeeded: false },
  { name: 'robust none', options: { objective: 'sum' }, isSeeded: true },
  { name: 'robust mean', options: { objective: 'mean' }, isSeeded: true },
  { name: 'robust worst', options: { objective: 'worst' }, isSeeded: true },
];

/** `doubletrack balance cross-validate`: places by all windows but one and measures on that one. */
export function addCrossValidateCommand(balance: Command): void {
  const command = balance
    .command('cross-validate')
    .description(
      'Place by all windows (or domains) but one, measure on that one, for each: what placements are worth on loads to come.',
    )
    .argument('<loads...>', 'recorded loads with several windows, as for balance');
  addSourceFlags(command)
    .addOption(
      new Option('--measure <measure>', 'which balancedness: the mean over layers, or the ratio of sums')
        .choices(['meanOfRatios', 'ratioOfSums'])
        .default('meanOfRatios'),
    )
    .option(
      '--seeds <n>',
      'searches of each placement, with seeds from 0, of which the mean is shown',
      parseNumber('--seeds', { from: 1, to: 1000, whole: true }),
      8,
    )
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample:\n  doubletrack balance cross-validate examples/loads.json --gpus 8 --slots 64 --normalize --seeds 1',
    )
    .action((loads: readonly string[], _: unknown, self: Command) =>
      runCrossValidate(loads, readSharedFlags(balance, self)),
    );
}

/** Windows that are left out in turn, at most: each costs a search of all layers. */
const MOST_WINDOWS = 64;

async function runCrossValidate(paths: readonly string[], flags: CrossValidateFlags): Promise<void> {
  const { recorded, loads } = await readLoads(paths, flags);
  const machine = readMachine(flags, { experts: loads.experts, slots: recorded.placement?.slots });
  if (loads.windows < 2 || loads.windows > MOST_WINDOWS) {
    throw new InputError({
      what: `it has ${loads.windows} window${loads.windows === 1 ? '' : 's'}`,
      where: paths.join(', '),
      mend: `give loads with 2 to ${MOST_WINDOWS} windows or domains`,
    });
  }
  const names = recorded.windowNames ?? Array.from({ length: loads.windows }, (_, window) => `window ${window}`);
  const rows = names.map((name, window) => {
    if (process.stderr.isTTY === true) process.stderr.write(`\rwithout ${name} ...\u001b[K`);
    return methods.map((method) => scoreWithout(loads, window, machine, method, flags));
  });
  if (process.stderr.isTTY === true) process.stderr.write('\r\u001b[K');
  const means = methods.map((_, column) => rows.reduce((sum, row) => sum + row[column]!, 0) / rows.length);
  if (flags.json === true) {
    const tabulate = (values: readonly number[]) =>
      Object.fromEntries(methods.map(({ name }, column) => [name, values[column]]));
    const document = {
      measure: flags.measure,
      windows: rows.map((row, window) => ({ leftOut: names[window], ...tabulate(row) })),
      mean: tabulate(means),
    };
    await writeOutput(`${JSON.stringify(document)}\n`, undefined);
    return;
  }
  const number = (value: number): string => value.toFixed(4);
  const table = formatTable([
    ['placed without', ...methods.map(({ name }) => name)],
    ...rows.map((row, window) => [names[window]!, ...row.map(number)]),
    ['mean', ...means.map(number)],
  ]);
  await writeOutput(
    `Balancedness (${flags.measure}) of ${machine.slots} slots on ${machine.gpus} GPUs on the window that was left out:\n\n${table}`,
    undefined,
  );
}

/** The mean over seeds of the balancedness on `window` of placements that are made from the others. */
function scoreWithout(
  loads: ExpertLoads,
  window: number,
  machine: Machine,
  { options, isSeeded }: (typeof methods)[number],
  { seeds, measure }: CrossValidateFlags,
): number {
  const all = Array.from({ length: loads.windows }, (_, other) => other);
  const others = pickWindows(
    loads,
    all.filter((other) => other !== window),
  );
  const left = pickWindows(loads, [window]);
  const even = measureEvenLoads(left, machine);
  const repeats = isSeeded ? seeds : 1;
  let sum = 0;
  for (let seed = 0; seed < repeats; seed++) {
    const { placement } = placeExperts(others, machine, { ...options, seed });
    const gpuLoads = measureGpuLoads(placement, left, machine);
    sum += measureBalancedness(gpuLoads, even, { windows: 1, gpus: machine.gpus })[measure];
  }
  return sum / repeats;
}
