import { type Command, Option } from 'commander';
import { type BalanceRequest, joinNodes, type Machine, type Placement } from '../balance/index.js';
import { InputError } from '../base/index.js';
import {
  fitPlacement,
  formatSolution,
  formatSolutionJson,
  type LoadsInput,
  placementFormats,
  readPlacement,
} from '../formats/index.js';
import { addCheckCommand } from './balance-check.js';
import { addCrossValidateCommand } from './balance-cross-validate.js';
import { addCurveCommand } from './balance-curve.js';
import { addSearchFlags, addSourceFlags } from './balance-flags.js';
import { readLoads, readMachine } from './balance-input.js';
import { type BalanceFlags, costOf, drawBalanceSvg, formatBalanceText } from './balance-output.js';
import { watchBalance } from './balance-progress.js';
import { addScoreCommand } from './balance-score.js';
import { checkOutputs, takeGpus } from './input-files.js';
import { parseNumber } from './numbers.js';
import { writeNotes, writeOutput } from './output.js';

/** `doubletrack balance`: places experts by recorded loads. */
export function addBalanceCommand(program: Command): void {
  const command = program
    .command('balance')
    .description("Place expert replicas on GPUs by recorded loads, and write the engine's file.")
    .argument(
      '[loads...]',
      'files or folders of loads that SGLang, TensorRT-LLM, vLLM or a training run recorded, route JSONL, or tables of counts (JSON, CSV, .npy, .pt)',
    );
  addSourceFlags(command);
  addPolicyFlags(command);
  addMigrationFlags(command);
  command
    .addOption(
      new Option('--format <format>', "the engine's file (default: json, the document of --json)").choices(
        placementFormats,
      ),
    )
    .option('--out <file>', "write the engine's file here; with --format alone it goes to standard output")
    .option('--svg <file>', 'draw the load of each GPU before and after')
    .option('--json', 'print the placement and its measures as one JSON document')
    .addHelpText('after', HELP)
    .action(runBalance);
  addScoreCommand(command);
  addCheckCommand(command);
  addCurveCommand(command);
  addCrossValidateCommand(command);
}

const HELP = `
The windows of several LOADS follow one another. FILE#a/b takes the part of a file under the keys a and b. A GPU's load is its tokens over its speed.
Engines number layers differently: SGLang and TensorRT-LLM count all layers of the model, vLLM and vLLM-Ascend only those with experts.

Example:
  doubletrack balance examples/loads.json --gpus 8 --slots 72`;

function addPolicyFlags(command: Command): void {
  addSearchFlags(command)
    .addOption(
      new Option('--strategy <strategy>', 'keep each group on one node (hierarchical), or not; auto compares')
        .choices(['auto', 'global', 'hierarchical'])
        .default('auto'),
    )
    .addOption(
      new Option('--policy <policy>', "our search, or DeepSeek's EPLB to the bit")
        .choices(['best', 'deepseek'])
        .default('best'),
    )
    .addOption(
      new Option(
        '--robust <what>',
        'for several windows: make the mean of their largest GPU loads small, or that of the worst, or (none) that of their sum (default: mean or none, whichever does better on windows that it was not placed by)',
      ).choices(['none', 'mean', 'worst']),
    )
    .option(
      '--traffic <w>',
      'with routes: 1% more of the pairs of experts that tokens use together on one node is worth w% of the mean GPU load (default: 0)',
      parseNumber('--traffic', { from: 0, to: 1e6 }),
    )
    .option(
      '--iterations <n>',
      'steps of the search, for each layer; the same seed and steps give the same placement (default: 500, or 250 for several windows or traffic: a few ms)',
      parseNumber('--iterations', { from: 0, to: 1e9, whole: true }),
    )
    .option(
      '--budget <ms>',
      'search each layer for so many milliseconds instead; the placement then depends on the machine',
      parseNumber('--budget', { from: 0, to: 1e9 }),
    );
}

function addMigrationFlags(command: Command): void {
  command
    .option('--current <file>', 'the placement now; GPUs are renamed so that few replicas move')
    .option(
      '--max-moves <m>',
      'replicas that may move, in all layers together (default: any number)',
      parseNumber('--max-moves', { from: 0, to: 1e9, whole: true }),
    )
    .option('--move-cost <s>', 'seconds that moving a replica takes', parseNumber('--move-cost', { from: 0, to: 1e9 }))
    .option('--interval <s>', 'seconds until the next rebalance', parseNumber('--interval', { from: 1e-9, to: 1e12 }));
}

async function runBalance(paths: readonly string[], flags: BalanceFlags): Promise<void> {
  checkFlags(paths, flags);
  checkOutputs([flags.out, flags.svg], [...paths, flags.current, flags.gpuSpeeds]);
  const input = await readLoads(paths, flags);
  const { recorded } = input;
  const read = flags.current === undefined ? undefined : readPlacement(flags.current, { experts: input.loads.experts });
  const machine = readMachine(takeGpus(flags, read, flags.current), {
    experts: input.loads.experts,
    slots: (read ?? recorded).placement?.slots,
  });
  const current = read && fitPlacement(read, input, machine, { where: flags.current ?? '' });
  const { layerNumbers } = input;
  const solution = watchBalance(requestOf(flags, input, machine, current?.placement));
  const known = [...recorded.notes, ...(read?.notes ?? []), ...(current?.notes ?? [])];
  const noted = { ...input, recorded: { ...recorded, notes: known } };
  const file = formatSolution(solution, noted, flags.format ?? 'json', flags.out);
  const isFileOnScreen = flags.out === undefined && flags.format !== undefined;
  const fileNotes = flags.out !== undefined || isFileOnScreen ? file.notes : [];
  writeNotes([...known, ...fileNotes]);
  if (flags.out !== undefined) await writeOutput(file.text, flags.out);
  if (flags.svg !== undefined) await writeOutput(drawBalanceSvg(solution, layerNumbers), flags.svg);
  const launch = flags.out !== undefined || isFileOnScreen ? formatLaunch(file.launch) : '';
  if (flags.json === true || isFileOnScreen) {
    process.stderr.write(launch);
    const document = { ...noted, recorded: { ...recorded, notes: [...known, ...fileNotes] } };
    await writeOutput(flags.json === true ? formatSolutionJson(solution, document) : file.text, undefined);
    return;
  }
  await writeOutput(`${formatBalanceText(solution, layerNumbers, costOf(flags))}${launch}`, undefined);
}

/** The launch that goes with a file that was written, as a paragraph; nothing where no engine reads it. */
function formatLaunch(launch: readonly string[]): string {
  return launch.length === 0 ? '' : `\nThe launch that goes with the file:\n\n${launch.join('\n')}\n`;
}

function checkFlags(paths: readonly string[], flags: BalanceFlags): void {
  const refuse = (what: string, mend: string): never => {
    throw new InputError({ what, mend });
  };
  if (paths.length === 0) refuse('the loads are missing', 'name a file or folder, see --help');
  const needsCurrent = flags.maxMoves !== undefined || flags.moveCost !== undefined || flags.interval !== undefined;
  if (needsCurrent && flags.current === undefined) refuse('moves need a placement to move from', 'add --current FILE');
  if ((flags.moveCost === undefined) !== (flags.interval === undefined))
    refuse('--move-cost and --interval need each other', 'give both, in seconds');
  if (flags.policy === 'deepseek' && (flags.robust !== undefined || flags.traffic !== undefined))
    refuse("DeepSeek's policy knows neither windows nor traffic", 'leave out --robust and --traffic');
  if (flags.policy === 'deepseek' && flags.strategy !== 'auto')
    refuse("DeepSeek's policy chooses its strategy by --groups and --nodes", 'leave out --strategy');
  if (flags.json === true && flags.format !== undefined && flags.format !== 'json' && flags.out === undefined)
    refuse(`--json and --format ${flags.format} would both print`, "say with --out where the engine's file goes");
}

function requestOf(
  flags: BalanceFlags,
  { loads, isTimed, recorded: { routes, placement } }: LoadsInput,
  machine: Machine,
  current: Placement | undefined,
): BalanceRequest {
  if (flags.traffic !== undefined && routes === undefined)
    throw new InputError({ what: '--traffic needs routes', where: '--traffic', mend: 'give a route JSONL' });
  const { policy, strategy, robust, seed, iterations, gpus = machine.gpus, nodes = 1 } = flags;
  return {
    loads,
    machine,
    traffic: routes && { routes, weight: flags.traffic },
    current,
    recorded: placement,
    policy,
    strategy,
    groups: joinNodes({ gpus, nodes, groups: flags.groups, policy }).groups,
    objective: robust === 'none' ? 'sum' : robust,
    isTimed,
    seed,
    iterations,
    budgetMilliseconds: flags.budget,
    mostMoves: flags.maxMoves,
    cost: costOf(flags),
  };
}
