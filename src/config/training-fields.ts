import { choice, type Field, flag, integer, number, path, paths, type Values } from './fields.js';
import { type ModelConfig, modelFields } from './model-config.js';
import { scheduleName, scheduleNames } from './schedule-names.js';

const steps = { from: 0, to: 1e9 };

const dataFields = {
  text: paths(
    'Texts to train on, instead of dataset: a file, a folder, a pattern such as texts/**/*.md, or a list of these.',
    'a file, a folder, a pattern, or a list of these',
  ),
  dataset: choice(
    'Text that comes with the package; "mixture" is prose, code and numbers, "none" is for when text is given.',
    ['moby-dick', 'mixture', 'none'],
  ),
  blockSteps: integer(
    'Steps that draw from one kind of text (a file of text, a part of the mixture) before the next one has its turn; 0 draws from all.',
    steps,
  ),
  tokenizer: path('"bytes", or the path of a Hugging Face tokenizer.json.', '"bytes" or the path of a tokenizer.json'),
  sequenceLength: integer('Tokens of a training sequence.', { from: 1, to: 2 ** 20 }),
  validationFraction: number('Part of each kind of text, at its end, that is kept for validation.', {
    above: 0,
    to: 0.5,
  }),
};

const parallelFields = {
  pipeline: integer('Pipeline ranks.', { from: 1, to: 1024 }),
  expert: integer('Ranks that share the experts of each pipeline rank; each has data of its own.', {
    from: 1,
    to: 1024,
  }),
  transport: choice('How ranks talk: as threads of one process, or over MPI; a run that mpiexec starts always does.', [
    'threads',
    'mpi',
  ]),
  computeThreads: integer('Threads that a rank computes with.', { from: 1, to: 256 }),
  affinity: choice('"cores" keeps each rank\'s threads on cores of its own, where the system can; "none" does not.', [
    'none',
    'cores',
  ]),
  overlap: flag('Computes a forward and a backward chunk at the same time where the schedule pairs them.'),
  shardOptimizer: flag("Ranks with the same parameters share the optimizer's memory and work (ZeRO-1)."),
};

const scheduleFields = {
  name: scheduleName('Pipeline schedule.', scheduleNames),
  stagesPerRank: integer(
    "Stages that a rank holds; 0 is the schedule's own number. Interleaved takes any, its own is 2.",
    {
      from: 0,
      to: 1024,
    },
  ),
  microbatches: integer('Microbatches of a step, of one expert rank.', { from: 1, to: 65_536 }),
  microbatchSize: integer('Sequences of a microbatch.', { from: 1, to: 65_536 }),
};

const optimizerFields = {
  learningRate: number('Learning rate after the warm-up.', { above: 0, to: 10 }),
  minimumLearningRate: number('Learning rate at the last step; a cosine leads to it.', { from: 0, to: 10 }),
  warmupSteps: integer('Steps in which the learning rate rises from 0.', steps),
  weightDecay: number('Decoupled weight decay (AdamW) of matrices.', { from: 0, to: 10 }),
  beta1: number('Decay of the mean of gradients.', { from: 0, below: 1 }),
  beta2: number('Decay of the mean of squared gradients.', { from: 0, below: 1 }),
  epsilon: number('Added to the root of the mean squared gradient.', { above: 0, to: 1 }),
  clipNorm: number('Largest norm of the whole gradient; 0 does not clip.', { from: 0, to: 1e9 }),
  biasUpdateSpeed: number("Change of an expert's selection bias in a step, against its load; 0 is off.", {
    from: 0,
    to: 1,
  }),
  sequenceBalanceWeight: number('Weight of the loss that balances experts within a sequence; 0 is off.', {
    from: 0,
    to: 1,
  }),
};

const trainFields = {
  steps: integer('Optimizer steps.', { from: 1, to: 1e9 }),
  seed: integer('Seed of the initial parameters and of the order of the data.', {
    from: 0,
    to: Number.MAX_SAFE_INTEGER,
  }),
  saveEvery: integer('Steps between checkpoints; 0 saves only at the end.', steps),
  keepLast: integer('Checkpoints that stay, the newest; 0 keeps all.', { from: 0, to: 1e6 }),
  evaluateEvery: integer('Steps between validations; 0 validates only at the end.', steps),
  initialCheckpoint: path(
    'Checkpoint folder to start from; "" starts from random weights.',
    'the path of a checkpoint folder',
  ),
};

const balanceFields = {
  redundantSlots: integer('Expert slots of a layer beyond one an expert: replicas, spread over the expert ranks.', {
    from: 0,
    to: 65_536,
  }),
  interval: integer('Steps between decisions whether experts move to other ranks; 0 is never.', steps),
  moveCost: number(
    "What moving a replica counts, in steps of the experts' computing; 0 measures it in the run, before the first decision.",
    { from: 0, to: 1e6 },
  ),
  policy: choice('How placements are made.', ['best', 'deepseek']),
  shares: choice(
    'How replicas share an expert\'s tokens: "even", the nearest in turn; "optimal", so that the busiest rank has the least, by the step before.',
    ['even', 'optimal'],
  ),
};

/** Every table of a training config with its fields. */
export const trainingFields = {
  model: modelFields,
  data: dataFields,
  parallel: parallelFields,
  schedule: scheduleFields,
  optimizer: optimizerFields,
  train: trainFields,
  balance: balanceFields,
} satisfies Record<string, Readonly<Record<string, Field<unknown>>>>;

export interface DataConfig extends Values<typeof dataFields> {}
export interface ParallelConfig extends Values<typeof parallelFields> {}
export interface ScheduleConfig extends Values<typeof scheduleFields> {}
export interface OptimizerConfig extends Values<typeof optimizerFields> {}
export interface TrainConfig extends Values<typeof trainFields> {}
export interface BalanceConfig extends Values<typeof balanceFields> {}

/** All values of a training run. Paths are as `resolvePath` gave them; empty means none. */
export interface TrainingConfig {
  readonly model: ModelConfig;
  readonly data: DataConfig;
  readonly parallel: ParallelConfig;
  readonly schedule: ScheduleConfig;
  readonly optimizer: OptimizerConfig;
  readonly train: TrainConfig;
  readonly balance: BalanceConfig;
}

/** Sequences of one step, all ranks together. */
export function sequencesPerStep({ parallel, schedule }: TrainingConfig): number {
  return parallel.expert * schedule.microbatches * schedule.microbatchSize;
}

/** The config with another schedule, which has its own number of stages a rank; the config itself if it has that schedule. */
export function withSchedule(config: TrainingConfig, name: ScheduleConfig['name']): TrainingConfig {
  if (name === config.schedule.name) return config;
  return { ...config, schedule: { ...config.schedule, name, stagesPerRank: 0 } };
}

export type TableName = keyof TrainingConfig;

/** Whether a table of the config has that name. */
export function isTableName(name: string): name is TableName {
  return Object.hasOwn(trainingFields, name);
}
