import { Command, CommanderError } from 'commander';
import { DoubletrackError, escapeControls } from '../base/index.js';
import { addBalanceCommand } from './balance.js';
import { addBenchCommand } from './bench.js';
import { addCompareCommand } from './compare.js';
import { addEvalCommand } from './eval.js';
import { addGenerateCommand } from './generate.js';
import { Interrupted } from './interrupted.js';
import { addPlanCommand } from './plan.js';
import { addScheduleCommand } from './schedule.js';
import { addServeCommand } from './serve.js';
import { addSimulateCommand } from './simulate.js';
import { addTrainCommand } from './train.js';
import { addTuneCommand } from './tune.js';

/** The command line program, with every command added. */
function createProgram(): Command {
  const program = new Command('doubletrack')
    .description('Trains, plans and balances Mixture-of-Experts language models with DualPipe and EPLB.')
    .option('--verbose', 'print stack traces of errors')
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  addScheduleCommand(program);
  addSimulateCommand(program);
  addCompareCommand(program);
  addPlanCommand(program);
  addTrainCommand(program);
  addTuneCommand(program);
  addEvalCommand(program);
  addGenerateCommand(program);
  addBalanceCommand(program);
  addServeCommand(program);
  addBenchCommand(program);
  return program;
}

/**
 * Runs the command line `argv` (as `process.argv`) and gives the exit code: 0 done, 1 the work failed, 2 the call or its input is bad, 130 Ctrl-C.
 * Every error becomes one line on standard error.
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync([...argv]);
    return 0;
  } catch (error) {
    return reportError(error, argv.includes('--verbose'));
  }
}

function reportError(error: unknown, verbose: boolean): number {
  if (error instanceof Interrupted) return 130;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    writeErrorLine(error.message.replace(/^error: /, ''));
    return 2;
  }
  writeErrorLine(error instanceof Error ? error.message : String(error));
  if (verbose && error instanceof Error) process.stderr.write(`${escapeControls(error.stack ?? '')}\n`);
  return error instanceof DoubletrackError ? error.exitCode : 1;
}

/** One line, whatever names of files and keys are in the message. */
function writeErrorLine(message: string): void {
  process.stderr.write(`doubletrack: ${escapeControls(message.replace(/\s*\n\s*/g, ' '))}\n`);
}
