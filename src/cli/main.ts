import { Command, CommanderError } from 'commander';
import { DoubletrackError, escapeControls } from '../base/index.js';
import { Interrupted } from './interrupted.js';
import { guardStreams } from './output.js';
import { describeVersion } from './version.js';

type AddCommand = (program: Command) => void;

/**
 * The commands in the order of the help. Only the one that is asked for is loaded: what others need may not be had, as
 * under a limit on memory.
 */
const commands: readonly { readonly name: string; readonly load: () => Promise<AddCommand> }[] = [
  { name: 'schedule', load: async () => (await import('./schedule.js')).addScheduleCommand },
  { name: 'simulate', load: async () => (await import('./simulate.js')).addSimulateCommand },
  { name: 'compare', load: async () => (await import('./compare.js')).addCompareCommand },
  { name: 'plan', load: async () => (await import('./plan.js')).addPlanCommand },
  { name: 'train', load: async () => (await import('./train.js')).addTrainCommand },
  { name: 'tune', load: async () => (await import('./tune.js')).addTuneCommand },
  { name: 'eval', load: async () => (await import('./eval.js')).addEvalCommand },
  { name: 'generate', load: async () => (await import('./generate.js')).addGenerateCommand },
  { name: 'balance', load: async () => (await import('./balance.js')).addBalanceCommand },
  { name: 'serve', load: async () => (await import('./serve.js')).addServeCommand },
  { name: 'export', load: async () => (await import('./export.js')).addExportCommand },
  { name: 'bench', load: async () => (await import('./bench.js')).addBenchCommand },
];

/** The command line program, with the command that `words` name, or with all where they name none. */
async function createProgram(words: readonly string[]): Promise<Command> {
  const program = new Command('doubletrack')
    .description('Trains, plans and balances Mixture-of-Experts language models with DualPipe and EPLB.')
    .option('--verbose', 'print stack traces of errors')
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  const named = commands.find(({ name }) => name === words.find((word) => !word.startsWith('-')));
  // Behind a command, -v may be the value of a flag.
  if (named === undefined) program.version(describeVersion(), '-v, --version', 'print the version, and that of Node');
  for (const { load } of named === undefined ? commands : [named]) (await load())(program);
  return program;
}

/**
 * Runs the command line `argv` (as `process.argv`) and gives the exit code: 0 done, 1 the work failed, 2 the call or
 * its input is bad, 128 and its number for a signal that ended the work. Every error becomes one line on standard
 * error.
 */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    guardStreams();
    await (await createProgram(argv.slice(2))).parseAsync([...argv]);
    return 0;
  } catch (error) {
    return reportError(error, argv.includes('--verbose'));
  }
}

function reportError(error: unknown, verbose: boolean): number {
  if (error instanceof Interrupted) return error.exitCode;
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return 0;
    // Without a command the help is all there is to say.
    if (error.code !== 'commander.help') writeErrorLine(error.message.replace(/^error: /, ''));
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
