import type { Command } from 'commander';
import {
  type BalanceSolution,
  describeGain,
  describeHeldOut,
  joinNodes,
  type Machine,
  type Placement,
  tabulateSolution,
} from '../balance/index.js';
import { InputError, WorkError } from '../base/index.js';
import { fitPlacement, type LoadsInput, readPlacement } from '../formats/index.js';
import { addSearchFlags, addSourceFlags, readSharedFlags } from './balance-flags.js';
import { readLoads, readMachine, type SourceFlags } from './balance-input.js';
import { watchBalance } from './balance-progress.js';
import { formatMeasures } from './balance-report.js';
import { takeGpus } from './input-files.js';
import { parseNumber } from './numbers.js';
import { writeNotes, writeOutput } from './output.js';

interface CheckFlags extends SourceFlags {
  readonly groups: number;
  readonly leastGain: number;
  readonly leastBalancedness?: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** `doubletrack balance check`: whether a placement in use is still good on what was recorded since. */
export function addCheckCommand(balance: Command): void {
  const command = balance
    .command('check')
    .description(
      'Say whether a placement in use is still good on loads that were recorded since: exit code 0 if it is, 1 if another would be better or the loads drift too much to tell, 2 if they cannot be read.',
    )
    .argument('<placement>', "the placement in use: an engine's file, or the JSON of balance")
    .argument('<loads...>', 'loads that were recorded since, as for balance');
  addSearchFlags(addSourceFlags(command))
    .option(
      '--least-gain <percent>',
      'still good while no other placement makes the largest GPU loads smaller by so much, beyond the noise of the windows',
      parseNumber('--least-gain', { from: 0, to: 100 }),
      2,
    )
    .option(
      '--least-balancedness <b>',
      'and while its own balancedness (ratio of sums) is at least this',
      parseNumber('--least-balancedness', { from: 0, to: 1 }),
    )
    .option('--json', 'print the verdict as one JSON document')
    .addHelpText(
      'after',
      '\nFor cron, with the latest recording alone: doubletrack balance check placement.json LATEST.json --gpus 8 || alert\n\nExample:\n  doubletrack balance check examples/placement.json examples/loads.json',
    )
    .action((placement: string, loads: string[], _: unknown, check: Command) =>
      runCheck(placement, loads, readSharedFlags(balance, check)),
    );
}

/** What was found of a placement in use. */
interface CheckResult {
  readonly verdict: 'good' | 'stale' | 'uncertain';
  /** Its own, on the recorded windows. */
  readonly balancedness: number;
  /** What the best way to another placement would gain; its spread is missing of one window. */
  readonly gain: number;
  readonly spread?: number;
  readonly moves: number;
  readonly windows: number;
  /** Why it is good or not, in a sentence. */
  readonly reason: string;
}

async function runCheck(path: string, loadsPaths: readonly string[], flags: CheckFlags): Promise<void> {
  const input = await readLoads(loadsPaths, flags);
  const read = readPlacement(path, { experts: input.loads.experts });
  const machine = readMachine(takeGpus(flags, read, path), read.placement);
  const { placement, notes } = fitPlacement(read, input, machine, { where: path });
  const said = [...input.recorded.notes, ...read.notes, ...notes];
  writeNotes(said);
  const solution = solveCheck(input, machine, placement, flags);
  const result = judgeCheck(solution, flags);
  if (flags.json === true) {
    await writeOutput(`${JSON.stringify({ ...result, notes: said })}\n`, undefined);
  } else {
    const measured = [formatMeasures(tabulateSolution(solution)), describeHeldOut(solution).join('\n')];
    await writeOutput(`${measured.join('\n')}\n${verdictWords[result.verdict]}: ${result.reason}.\n`, undefined);
  }
  if (result.verdict === 'good') return;
  throw new WorkError({
    what: `the placement is ${result.verdict === 'stale' ? 'no longer good' : 'not certain to be good'}: ${result.reason}`,
    where: path,
    mend: `place again: doubletrack balance LOADS --gpus ${machine.gpus} --current ${path} --format FORMAT --out FILE`,
  });
}

function solveCheck(
  { loads, isTimed }: LoadsInput,
  machine: Machine,
  current: Placement,
  { gpus = machine.gpus, nodes = 1, groups, seed }: CheckFlags,
): BalanceSolution {
  return watchBalance({
    loads,
    machine,
    current,
    policy: 'best',
    strategy: 'auto',
    groups: joinNodes({ gpus, nodes, groups, policy: 'best' }).groups,
    isTimed,
    seed,
  });
}

function judgeCheck(solution: BalanceSolution, { leastGain, leastBalancedness }: CheckFlags): CheckResult {
  const { verdict, before, heldOut, windows } = solution;
  if (verdict === undefined) throw new Error('a check has a placement now');
  const { gain, spread, moves } = verdict.found;
  const balancedness = (heldOut?.before ?? before.balancedness).ratioOfSums;
  const figures = { balancedness, gain, ...(spread === undefined ? {} : { spread }), moves, windows };
  const shown = `${describeGain({ gain, ...(spread === undefined ? {} : { spread }) })} with ${moves} moves`;
  if (verdict.needed > 0) {
    const reason = `${verdict.needed} replicas must move, as experts have no slot left or slots are empty`;
    return { ...figures, verdict: 'stale', reason };
  }
  if (leastBalancedness !== undefined && balancedness < leastBalancedness) {
    const reason = `its balancedness is ${balancedness.toFixed(4)}, below ${leastBalancedness}`;
    return { ...figures, verdict: 'stale', reason };
  }
  const reason = verdict.reason === 'none' ? 'nothing better was found' : `another placement would gain ${shown}`;
  if (100 * gain < leastGain) return { ...figures, verdict: 'good', reason };
  if (verdict.reason === 'noise' && heldOut?.drifts === true) {
    const drift = `${reason}, and the loads drift: give the latest recording alone`;
    return { ...figures, verdict: 'uncertain', reason: drift };
  }
  if (verdict.reason !== 'gains') return { ...figures, verdict: 'good', reason };
  if (windows === 1) {
    throw new InputError({
      what: `one window does not tell whether another placement, which gains ${shown} on it, gains on others too`,
      mend: 'record several windows, or give --least-balancedness with a high --least-gain',
    });
  }
  return { ...figures, verdict: 'stale', reason: `another placement gains ${shown}` };
}

const verdictWords: Readonly<Record<CheckResult['verdict'], string>> = {
  good: 'Still good',
  stale: 'No longer good',
  uncertain: 'Not certain to be good',
};
