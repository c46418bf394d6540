import { relative } from 'node:path';
import { InputError } from '../base/index.js';
import { findLaunch, type Launch } from '../comm/index.js';
import { sequencesPerStep, type TrainingConfig } from '../config/index.js';
import type { StepMetrics } from '../formats/index.js';
import { countRanks, type RunSpec, startRanks } from '../runtime/index.js';
import { fillBatch } from './batch.js';
import { saveCheckpoint } from './checkpoint.js';
import { chooseStart, firstStart } from './choose-checkpoint.js';
import { loadCorpus, placeValidationWindows, sampleSequences } from './data/index.js';
import { asFailedWork, describeDivergence } from './failed-work.js';
import { learningRateAt } from './learning-rate.js';
import { sumLosses } from './metrics.js';
import { type OpenRunFolder, openNewRun, openOldRun } from './open-run-folder.js';
import { planRun } from './plan-run.js';
import { measureLoads } from './rank-loads.js';
import { checkpointFolder, listCheckpoints } from './run-folder.js';
import { requireSameShape } from './run-history.js';
import { removeOldCheckpoints } from './set-aside.js';
import { openRun, type PastStarts, readPastStarts, tellOver } from './start-run.js';
import { createStepObserver } from './step-observer.js';
import { shareTime, sumMigration } from './step-times.js';
import type { ReadyRun, Run, RunPlace, TrainingOptions, TrainingResult } from './training-run.js';
import { createUtilization, sumMemory } from './utilization.js';

export type { RunPlace, TrainingEvent, TrainingResult } from './training-run.js';

const PROMPT_TOKENS = 24;
const BYTES_PER_MEGABIT = 125_000;

/** Sequences that one validation looks at, at most. */
const VALIDATION_SEQUENCES = 128;

/**
 * Trains a model: every step's batch depends on seed and step alone, so a resumed run continues the very same curve.
 * The run folder is this process's own for as long as that takes. Gives undefined, and changes nothing,
 * where the run to go on with is at its last step. Throws `InputError` for a folder that cannot be used, `WorkError` if
 * a rank fails, a file cannot be written any more, or a loss or gradient is not finite; the last checkpoint stays.
 */
export async function trainModel(options: TrainingOptions): Promise<TrainingResult | undefined> {
  const { config, place, onEvent } = options;
  const link = options.emulatedMegabits;
  const spec: RunSpec = {
    ...planRun(config),
    ...(link !== undefined && { emulatedBytesPerSecond: link * BYTES_PER_MEGABIT }),
  };
  const launch = chooseLaunch(config, countRanks(spec), link !== undefined);
  const isLeader = launch === undefined || launch.rank === 0;
  const open = isLeader ? await openFolder(place) : undefined;
  try {
    const folder = open?.folder ?? place.folder ?? '';
    // Over MPI each process chooses, by the same files.
    const start = place.kind === 'new' ? firstStart : await chooseStart(place.folder, place.from);
    const over = tellOver(folder, start, config.train.steps);
    if (over !== undefined) {
      if (isLeader) onEvent({ kind: 'note', note: over });
      return undefined;
    }
    const past = place.kind === 'new' ? undefined : await readPastStarts(folder, config);
    if (past !== undefined && start.checkpoint !== undefined) requireSameShape(past.changed, start.checkpoint);
    open?.removeLeftovers();
    const corpus = await loadCorpus(config);
    const group = await startRanks(spec, launch);
    const utilization = createUtilization(config, { isLeader, launch });
    return await trainOn({ options, spec, launch, folder, open, start, corpus, group, utilization }, past);
  } finally {
    open?.close();
  }
}

function openFolder(place: RunPlace): Promise<OpenRunFolder> {
  return place.kind === 'new' ? openNewRun(place.folder) : openOldRun(place.folder);
}

/** Trains on ranks that are started, and ends them. */
async function trainOn(ready: ReadyRun, past: PastStarts | undefined): Promise<TrainingResult> {
  const { options, group, folder } = ready;
  let failure: unknown;
  let run: Run | undefined;
  try {
    run = await openRun(ready, past);
    const result = await runSteps(run).catch((error: unknown) => {
      throw asFailedWork(error, folder);
    });
    if (group.isLeader) await options.onEnd(result);
    return result;
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    run?.metrics?.close();
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
      mend: `start it with mpiexec -n ${ranks} ${relative('', process.argv[1] ?? 'doubletrack')} train and what else you gave, or use "threads"`,
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

async function runSteps(run: Run): Promise<TrainingResult> {
  const { options, spec, group, corpus, launch, folder, start } = run;
  const { config, signal } = options;
  const { done } = start;
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
    const began = (performance.timeOrigin + performance.now()) / 1000;
    const metrics = await runStep(run, step);
    await observer.look(metrics, began, wish);
    const isEvaluated = step === steps || (evaluateEvery > 0 && step % evaluateEvery === 0);
    const whole = isEvaluated ? { ...metrics, validationLoss: await validate(run) } : metrics;
    history.push(whole);
    await writeStep(run, whole);
    if (saveEvery > 0 && step % saveEvery === 0) await save();
  }
  await save();
  const record = await observer.finish();
  return {
    folder,
    steps: history,
    checkpoint: checkpointFolder(folder, step),
    stopped: step < steps,
    record,
    samplePrompt: corpus.tokenizer.decode(corpus.validation.slice(0, PROMPT_TOKENS)),
  };
}

/** In the leader's process. */
async function writeStep({ metrics: file, options: { onEvent } }: Run, metrics: StepMetrics): Promise<void> {
  if (file === undefined) return;
  const note = await file.add(metrics);
  if (note !== undefined) onEvent({ kind: 'note', note });
  onEvent({ kind: 'step', metrics });
}

async function saveRun({ options, group, balancer, loads, folder, open }: Run, step: number): Promise<void> {
  const { config, onEvent } = options;
  const target = checkpointFolder(folder, step);
  const { model, data, train } = config;
  const { sequenceLength, tokenizer } = data;
  const states = await group.collectStates();
  if (open === undefined) return;
  open.lock.check();
  await loads?.flush();
  const content = { model, states, step, seed: train.seed, sequenceLength, tokenizer };
  await saveCheckpoint(target, content, async (temporary) => await balancer?.save(temporary));
  removeOldCheckpoints(folder, step, train.keepLast);
  onEvent({ kind: 'checkpoint', step, folder: target });
}

async function runStep(run: Run, step: number): Promise<StepMetrics> {
  const { options, spec, corpus, group, balancer, loads, folder, start: from } = run;
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
  if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) {
    const lastCheckpoint = listCheckpoints(folder).at(-1);
    throw await describeDivergence(group, { folder, step, loss, done: from.done, lastCheckpoint });
  }
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
