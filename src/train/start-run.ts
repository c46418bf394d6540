import { InputError } from '../base/index.js';
import type { Launch } from '../comm/index.js';
import { flattenTrainingConfig, type TrainingConfig } from '../config/index.js';
import { findPinningObstacle } from '../device/index.js';
import {
  makeFolder,
  readProgramVersion,
  readTrainingConfig,
  removePath,
  type StepMetrics,
  writeTrainingConfig,
} from '../formats/index.js';
import { countRanks, type RankGroup, type RunSpec } from '../runtime/index.js';
import { createBalancer, openRebalanceState } from './balancer.js';
import { loadCheckpoint, loadParameters } from './checkpoint.js';
import type { StartPoint } from './choose-checkpoint.js';
import { createLoadRecorder } from './load-recorder.js';
import { startMetrics } from './metrics-file.js';
import { findCheckpoint } from './open-folder.js';
import { describeCheckpoint } from './read-parameters.js';
import { checkpointFolder, listCheckpoints } from './run-folder.js';
import {
  type ChangedKey,
  compareStarts,
  type RunStart,
  readHistory,
  tellChanges,
  writeHistory,
} from './run-history.js';
import { runPaths } from './run-paths.js';
import { setAside } from './set-aside.js';
import { markOf } from './timeline-files.js';
import type { ReadyRun, Run } from './training-run.js';

/** What is known of the starts of a run before this one. */
export interface PastStarts {
  readonly history: readonly RunStart[];
  /** What is changed since the last of them. */
  readonly changed: readonly ChangedKey[];
}

/**
 * Of a run that is to go on: its starts so far, of which that of an earlier build left its config alone. Throws
 * `InputError` for files that are damaged.
 */
export async function readPastStarts(folder: string, config: TrainingConfig): Promise<PastStarts> {
  const history = await readHistory(folder);
  const before = history.at(-1)?.config ?? flattenTrainingConfig(readTrainingConfig(runPaths(folder).config));
  return { history, changed: compareStarts(before, config) };
}

/**
 * Why there is nothing to do, for a run that is at its last step; undefined for any other. Throws `InputError` for one
 * that is beyond it.
 */
export function tellOver(folder: string, { done, checkpoint }: StartPoint, steps: number): string | undefined {
  if (checkpoint === undefined || done < steps) return undefined;
  if (done === steps)
    return `the run is at step ${done} of ${steps} (${folder}): to go on, give --steps with more; nothing is changed`;
  const earlier = listCheckpoints(folder).filter((step) => step < steps);
  const back =
    earlier.length === 0
      ? ''
      : `, or begin at an earlier checkpoint: --resume ${checkpointFolder(folder, earlier[earlier.length - 1])}`;
  throw new InputError({
    what: `the run is at step ${done} already, and is to end at step ${steps}`,
    where: folder,
    mend: `give --steps with more than ${done}${back}`,
  });
}

/** Fills the ranks' memory, by seed or from a checkpoint, and begins the files of the run. */
export async function openRun(ready: ReadyRun, past: PastStarts | undefined): Promise<Run> {
  const { options, spec, folder, corpus, group, launch, start, open } = ready;
  const { config } = options;
  const { done } = start;
  const { nodeOfRank, rebalance, found } = await startState(ready);
  const balancer =
    rebalance === undefined ? undefined : createBalancer({ config, spec, nodeOfRank, state: rebalance.state });
  // From here on the leader changes what the others have chosen from.
  await requireSameStart(group, done);
  if (open === undefined) return { ...ready, balancer, loads: undefined, metrics: undefined, kept: [] };
  open.lock.check();
  const notes = [...tellFound(start, config, past), ...found, ...(await writeStart(ready, past))];
  const kept: StepMetrics[] = [];
  const metrics = await startMetrics(folder, done, (line) => {
    if (markOf(line) !== undefined) kept.push(line);
  });
  const loads = await createLoadRecorder({ config, spec, folder, done });
  options.onEvent({
    kind: 'start',
    spec,
    corpus,
    folder,
    firstStep: done + 1,
    pinningObstacle: pinningObstacleOf(spec, launch),
  });
  const { cutTo } = metrics;
  if (cutTo !== undefined)
    notes.push(
      `steps ${done + 1} to ${cutTo} came after the checkpoint: what is recorded of them is cut off, and they are trained again`,
    );
  if (rebalance?.note !== undefined) notes.push(rebalance.note);
  for (const note of notes) options.onEvent({ kind: 'note', note });
  return { ...ready, balancer, loads, metrics, kept };
}

function pinningObstacleOf(spec: RunSpec, launch: Launch | undefined): string | undefined {
  const ranks = launch?.host.ranks ?? countRanks(spec);
  return spec.affinity === 'cores' ? findPinningObstacle({ ranks, computeThreads: spec.computeThreads }) : undefined;
}

/**
 * Sets placement and parameters; gives the node of each rank, where experts move what is known about that, and what a
 * person should know.
 */
async function startState({ options, spec, group, start }: ReadyRun) {
  const { config } = options;
  const { done, checkpoint } = start;
  const [nodeOfRank] = await group.call('initialize', config.train.seed);
  const from = checkpoint === undefined ? undefined : { checkpoint, done };
  // First, as it says into which slots the checkpoint's experts go.
  const rebalance = spec.movesExperts ? openRebalanceState({ config, spec }, group.states, from) : undefined;
  if (checkpoint !== undefined) loadCheckpoint(checkpoint, config.model, group.states);
  const isBegun = checkpoint === undefined && config.train.initialCheckpoint !== '';
  return { nodeOfRank, rebalance, found: isBegun ? startFrom(config, group) : [] };
}

/** Takes the parameters of another checkpoint; gives what a person should know about it. */
function startFrom({ train, model }: TrainingConfig, group: RankGroup): string[] {
  const { folder, notes } = findCheckpoint(train.initialCheckpoint);
  loadParameters(folder, group.states);
  return [...notes, ...describeCheckpoint(folder, model)];
}

/** A step has no more binary digits. */
const STEP_DIGITS = 50;

/**
 * Throws `InputError` unless all processes of a run over MPI go on from the same step: each has chosen by the files
 * that it sees.
 */
async function requireSameStart(group: RankGroup, done: number): Promise<void> {
  const digits = Array.from({ length: STEP_DIGITS }, (_, place) => Math.floor(done / 2 ** place) % 2 === 1);
  const [all] = await group.call('agree', digits);
  if (all.every((digit, place) => digit === digits[place])) return;
  throw new InputError({
    what: `other processes go on from another step than ${done}`,
    where: '--resume',
    mend: 'let every machine see the same run folder',
  });
}

function tellFound(start: StartPoint, config: TrainingConfig, past: PastStarts | undefined): string[] {
  if (past === undefined) return [];
  return [
    ...(start.checkpoint === undefined ? ['the run has saved no checkpoint: it begins anew'] : []),
    ...(start.hasNoSums
      ? [`checkpoint ${start.done} is of an earlier build and holds no checksums: only its numbers could be checked`]
      : []),
    ...tellOtherSeed(start, config, past),
    ...tellChanges(past.changed),
  ];
}

/** Of a checkpoint that was put there from another run, or that was saved before the seed was changed. */
function tellOtherSeed({ done, seed }: StartPoint, { train }: TrainingConfig, { changed }: PastStarts): string[] {
  if (seed === undefined || seed === train.seed || changed.some(({ key }) => key === 'train.seed')) return [];
  return [`checkpoint ${done} was trained with seed ${seed}, and goes on with ${train.seed}: the curve is another one`];
}

/** Writes what stands in the folder of the run from its start on; gives what a person should know. */
async function writeStart({ options, folder, start }: ReadyRun, past: PastStarts | undefined): Promise<string[]> {
  const { config } = options;
  const paths = runPaths(folder);
  // First of all: a folder with a config is a run.
  await writeTrainingConfig(paths.config, config);
  const notes = setAside(folder, start);
  makeFolder(paths.checkpoints);
  // Of the run as it was when it ended before.
  removePath(paths.summary);
  const changed = Object.fromEntries((past?.changed ?? []).map(({ key, from, to }) => [key, { from, to }]));
  const now: RunStart = {
    time: new Date().toISOString(),
    step: start.done + 1,
    version: readProgramVersion(),
    changed,
    config: flattenTrainingConfig(config),
  };
  await writeHistory(folder, [...(past?.history ?? []), now]);
  return notes;
}
