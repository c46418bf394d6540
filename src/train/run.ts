import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, WorkError } from '../base/index.js';
import { findLaunch, type Launch } from '../comm/index.js';
import { sequencesPerStep, type TrainingConfig } from '../config/index.js';
import { findPinningObstacle } from '../device/index.js';
import { type StepMetrics, writeTrainingConfig } from '../formats/index.js';
import { countRanks, type RankGroup, type RunSpec, startRanks } from '../runtime/index.js';
import type { StepRecord } from '../simulate/index.js';
import { type Balancer, createBalancer, openRebalanceState } from './balancer.js';
import { fillBatch } from './batch.js';
import { loadCheckpoint, loadParameters, readCheckpointStep, saveCheckpoint } from './checkpoint.js';
import { type Corpus, loadCorpus, placeValidationWindows, sampleSequences } from './data/index.js';
import { learningRateAt } from './learning-rate.js';
import { createLoadRecorder, type LoadRecorder } from './load-recorder.js';
import { appendMetrics, startMetrics, sumLosses } from './metrics.js';
import { findCheckpoint } from './open-folder.js';
import { planRun } from './plan-run.js';
import { measureLoads } from './rank-loads.js';
import { describeCheckpoint } from './read-parameters.js';
import { listCheckpoints } from './run-folder.js';
import { runPaths } from './run-paths.js';
import { createStepObserver } from './step-observer.js';
import { shareTime, sumMigration } from './step-times.js';
import { createUtilization, sumMemory, type Utilization } from './utilization.js';

/** What happens in a run, for whoever shows it. */
export type TrainingEvent =
  | {
      readonly kind: 'start';
      readonly spec: RunSpec;
      readonly corpus: Corpus;
      readonly firstStep: number;
      /** Why threads do not keep to cores of their own although the config asks for it. */
      readonly pinningObstacle: string | undefined;
    }
  | { readonly kind: 'step'; readonly metrics: StepMetrics }
  /** What a person should know about the placement of experts with which the run begins. */
  | { readonly kind: 'note'; readonly note: string }
  | { readonly kind: 'checkpoint'; readonly step: number; readonly folder: string };

export interface TrainingOptions {
  readonly config: TrainingConfig;
  /** The run's folder; it is made. */
  readonly folder: string;
  /** Goes on from the last checkpoint of the folder. */
  readonly resume: boolean;
  /** In the leader's process only. */
  readonly onEvent: (event: TrainingEvent) => void;
  /** In every process, once all is ready: until then the run has nothing to save. */
  readonly onFirstStep: () => void;
  /** In the leader's process, before the ranks part; with MPI a process that ends while others work takes them with it. */
  readonly onEnd: (result: TrainingResult) => Promise<void>;
  /** Bits a second, in millions, of an emulated link out of every rank: for threads, to show what a slow link does. */
  readonly emulatedMegabits?: number;
  /** Ends the run after the step under way, with a checkpoint. */
  readonly signal: AbortSignal;
}

export interface TrainingResult {
  readonly steps: readonly StepMetrics[];
  readonly checkpoint: string;
  readonly stopped: boolean;
  /** What the segments of a step took; undefined of a run without a step. */
  readonly record: StepRecord | undefined;
  /** The first words of the validation text. */
  readonly samplePrompt: string;
}

const PROMPT_TOKENS = 24;
const BYTES_PER_MEGABIT = 125_000;

/** Sequences that one validation looks at, at most. */
const VALIDATION_SEQUENCES = 128;

interface Run {
  readonly options: TrainingOptions;
  readonly spec: RunSpec;
  readonly corpus: Corpus;
  readonly group: RankGroup;
  readonly launch: Launch | undefined;
  /** The step that the run goes on from; 0 of one that begins. */
  readonly done: number;
  /** Of a run in which experts move. */
  readonly balancer: Balancer | undefined;
  /** In the leader's process, of a run with routed experts. */
  readonly loads: LoadRecorder | undefined;
  /** In the leader's process: the metrics of the steps up to `done`. */
  readonly kept: readonly StepMetrics[];
  readonly utilization: Utilization;
}

/**
 * Trains a model: every step's batch depends on seed and step alone, so a resumed run continues the very same curve.
 * Throws `WorkError` if a rank fails or a loss or gradient is not finite; the last checkpoint stays.
 */
export async function trainModel(options: TrainingOptions): Promise<TrainingResult> {
  const { config } = options;
  const link = options.emulatedMegabits;
  const spec: RunSpec = {
    ...planRun(config),
    ...(link !== undefined && { emulatedBytesPerSecond: link * BYTES_PER_MEGABIT }),
  };
  const launch = chooseLaunch(config, countRanks(spec), link !== undefined);
  const corpus = await loadCorpus(config);
  const group = await startRanks(spec, launch);
  let failure: unknown;
  try {
    const utilization = createUtilization(config, { isLeader: group.isLeader, launch });
    const run = await openRun({ options, spec, corpus, group, launch, utilization });
    const result = await runSteps(run);
    if (group.isLeader) await options.onEnd(result);
    return result;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    await group.close(failure);
  }
}

/**
 * Where mpiexec put this process, if the run is to go over MPI: if it was started by mpiexec. Throws `InputError` if the number of processes is not
 * that of the ranks, or the config asks for MPI and there is none.
 */
function chooseLaunch({ parallel }: TrainingConfig, ranks: number, isEmulated: boolean): Launch | undefined {
  const launch = findLaunch(process.env);
  const { pipeline, expert, transport } = parallel;
  if (launch === undefined) {
    if (transport === 'threads') return undefined;
    throw new InputError({
      what: 'transport is "mpi", but this process was not started by mpiexec',
      where: '[parallel]',
      keys: ['parallel.transport'],
      mend: `start it with mpiexec -n ${ranks} doubletrack train, or use "threads"`,
    });
  }
  if (isEmulated)
    throw new InputError({
      what: 'a link cannot be emulated over MPI',
      where: '--emulate-link',
      mend: 'leave mpiexec out: threads can do it',
    });
  if (launch.ranks === ranks) return launch;
  throw new InputError({
    what: `mpiexec started ${launch.ranks} processes, but pipeline ${pipeline} x expert ${expert} are ${ranks} ranks`,
    where: '[parallel]',
    mend: `use mpiexec -n ${ranks}, or set pipeline and expert`,
  });
}

function pinningObstacleOf(spec: RunSpec, launch: Launch | undefined): string | undefined {
  const ranks = launch?.host.ranks ?? countRanks(spec);
  return spec.affinity === 'cores' ? findPinningObstacle({ ranks, computeThreads: spec.computeThreads }) : undefined;
}

/** Fills the ranks' memory, by seed or from a checkpoint, and begins the files of the run. */
async function openRun(ready: Omit<Run, 'done' | 'balancer' | 'loads' | 'kept'>): Promise<Run> {
  const { options, spec, corpus, group, launch } = ready;
  const { config, folder } = options;
  const { done, nodeOfRank, rebalance, notes } = await startState(ready);
  const balancer =
    rebalance === undefined ? undefined : createBalancer({ config, spec, nodeOfRank, state: rebalance.state });
  if (!group.isLeader) return { ...ready, done, balancer, loads: undefined, kept: [] };
  const paths = runPaths(folder);
  mkdirSync(paths.checkpoints, { recursive: true });
  // Of the run as it was when it ended before.
  rmSync(paths.summary, { force: true });
  await writeTrainingConfig(paths.config, config);
  const kept = await startMetrics(folder, done);
  const loads = await createLoadRecorder({ config, spec, folder, done });
  const pinningObstacle = pinningObstacleOf(spec, launch);
  options.onEvent({ kind: 'start', spec, corpus, firstStep: done + 1, pinningObstacle });
  for (const note of notes) options.onEvent({ kind: 'note', note });
  if (rebalance?.note !== undefined) options.onEvent({ kind: 'note', note: rebalance.note });
  return { ...ready, done, balancer, loads, kept };
}

/** Sets placement and parameters; gives the step that is done, the node of each rank and, where experts move, what is known about that. */
async function startState({ options, spec, group }: Pick<Run, 'options' | 'spec' | 'group'>) {
  const { config, folder, resume } = options;
  const [nodeOfRank] = await group.call('initialize', config.train.seed);
  const checkpoint = resume ? lastCheckpoint(folder) : undefined;
  const from = checkpoint === undefined ? undefined : { checkpoint, done: readCheckpointStep(checkpoint) };
  // First, as it says into which slots the checkpoint's experts go.
  const notes: string[] = [];
  const rebalance = spec.movesExperts ? openRebalanceState({ config, spec }, group.states, from) : undefined;
  if (checkpoint !== undefined) loadCheckpoint(checkpoint, group.states);
  else if (config.train.initialCheckpoint !== '') notes.push(...startFrom(config, group));
  return { done: from?.done ?? 0, nodeOfRank, rebalance, notes };
}

/** Takes the parameters of another checkpoint; gives what a person should know about it. */
function startFrom({ train, model }: TrainingConfig, group: RankGroup): string[] {
  const { folder, notes } = findCheckpoint(train.initialCheckpoint);
  loadParameters(folder, group.states);
  return [...notes, ...describeCheckpoint(folder, model)];
}

/** The checkpoint of the highest step in a run folder. Throws `InputError` if there is none. */
export function lastCheckpoint(folder: string): string {
  const { checkpoints } = runPaths(folder);
  const step = listCheckpoints(folder).at(-1);
  if (step === undefined) {
    throw new InputError({
      what: 'there is no checkpoint to go on from',
      where: checkpoints,
      mend: 'give the folder of a run that saved one',
    });
  }
  return checkpointFolder(folder, step);
}

async function runSteps(run: Run): Promise<TrainingResult> {
  const { options, spec, group, corpus, launch, done } = run;
  const { config, folder, signal } = options;
  const { steps, saveEvery, evaluateEvery } = config.train;
  const history: StepMetrics[] = [];
  const observer = createStepObserver({ group, spec, folder, done, kept: run.kept, steps, launch });
  let step = done;
  let saved = -1;
  options.onFirstStep();
  const save = async () => {
    if (saved !== step) await saveRun(run, step);
    saved = step;
  };
  // Every process does what any of them was told, or finds that it is time for.
  const agree = async () => {
    const { any, marked } = observer.wish();
    const [[stops, wantsAny, wantsMarked]] = await group.call('agree', [signal.aborted, any, marked]);
    return { stops, wish: { any: wantsAny, marked: wantsMarked } };
  };
  while (step < steps) {
    const { stops, wish } = await agree();
    if (stops) break;
    step++;
    const start = (performance.timeOrigin + performance.now()) / 1000;
    const metrics = await runStep(run, step);
    await observer.look(metrics, start, wish);
    const isEvaluated = step === steps || (evaluateEvery > 0 && step % evaluateEvery === 0);
    const whole = isEvaluated ? { ...metrics, validationLoss: await validate(run) } : metrics;
    history.push(whole);
    if (group.isLeader) {
      appendMetrics(folder, whole);
      options.onEvent({ kind: 'step', metrics: whole });
    }
    if (saveEvery > 0 && step % saveEvery === 0) await save();
  }
  await save();
  const record = await observer.finish();
  return {
    steps: history,
    checkpoint: checkpointFolder(folder, step),
    stopped: step < steps,
    record,
    samplePrompt: corpus.tokenizer.decode(corpus.validation.slice(0, PROMPT_TOKENS)),
  };
}

function checkpointFolder(folder: string, step: number): string {
  return join(runPaths(folder).checkpoints, String(step));
}

async function saveRun({ options, group, balancer, loads }: Run, step: number): Promise<void> {
  const { config, folder, onEvent } = options;
  const target = checkpointFolder(folder, step);
  const { model, data, train } = config;
  const { sequenceLength, tokenizer } = data;
  const states = await group.collectStates();
  if (!group.isLeader) return;
  await loads?.flush();
  const content = { model, states, step, seed: train.seed, sequenceLength, tokenizer };
  await saveCheckpoint(target, content, async (temporary) => await balancer?.save(temporary));
  onEvent({ kind: 'checkpoint', step, folder: target });
}

async function runStep(run: Run, step: number): Promise<StepMetrics> {
  const { options, spec, corpus, group, balancer, loads } = run;
  const { config } = options;
  const { sequenceLength, blockSteps } = config.data;
  const count = sequencesPerStep(config);
  const tokens = count * sequenceLength;
  const start = performance.now();
  const request = { seed: config.train.seed, step, count, sequenceLength, kinds: corpus.kinds, blockSteps };
  fillBatch(spec, { tokens: corpus.training, offsets: sampleSequences(request), tokenWeight: 1 / tokens });
  // The decision is made on this thread while the ranks compute on theirs.
  const [reports, decision] = await Promise.all([
    group.call('computeGradients', balancer?.takeSwitches() ?? []),
    balancer?.decide(step),
  ]);
  const loss = sumLosses(reports);
  const { gradientNorm } = reports[0];
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) throw await describeDivergence(group, step, loss);
  const learningRate = learningRateAt(config.optimizer, step, config.train.steps);
  const updates = await group.call('update', step, learningRate);
  const seconds = (performance.now() - start) / 1000;
  const migration = sumMigration(reports, updates);
  balancer?.finish(step, reports);
  await loads?.record(step, reports);
  return {
    step,
    loss,
    gradNorm: gradientNorm,
    learningRate,
    tokens,
    seconds,
    tokensPerSecond: tokens / seconds,
    ...run.utilization.rate(tokens / seconds),
    peakMemoryBytes: sumMemory(reports, run.launch),
    ...shareTime(reports, updates, seconds),
    ...measureLoads(reports, spec),
    moves: migration?.moves ?? 0,
    ...(migration !== undefined && { migration }),
    ...(decision !== undefined && { decision }),
  };
}

async function describeDivergence(group: RankGroup, step: number, loss: number): Promise<WorkError> {
  const found = (await group.call('diagnose')).flatMap((one) => one ?? []);
  // Numbers run forward through the layers and back again: the first bad one is the lowest layer forward or, if all of that is fine, the highest.
  const forward = found.filter(({ pass }) => pass === 'forward').sort((a, b) => a.layer - b.layer);
  const backward = found.filter(({ pass }) => pass === 'backward').sort((a, b) => b.layer - a.layer);
  return new WorkError({
    what: `training diverged at step ${step}: ${Number.isFinite(loss) ? 'a gradient' : 'the loss'} is not finite`,
    where: [...forward, ...backward][0]?.what ?? 'no layer found',
    mend: 'lower learning_rate or clip_norm and resume from the last checkpoint, which is safe',
  });
}

/** Mean cross-entropy of the validation windows. */
async function validate({ options, spec, corpus, group }: Run): Promise<number> {
  const { sequenceLength } = options.config.data;
  const tokens = corpus.validation;
  const windows = placeValidationWindows({ count: VALIDATION_SEQUENCES, sequenceLength, tokens: tokens.length });
  const atOnce = spec.batchMemory.rows * spec.batch.sequences;
  const tokenWeight = 1 / (windows.length * sequenceLength);
  let loss = 0;
  for (let first = 0; first < windows.length; first += atOnce) {
    fillBatch(spec, { tokens, offsets: windows.slice(first, first + atOnce), tokenWeight });
    loss += sumLosses(await group.call('evaluate'));
  }
  return loss;
}
