import type { Problem } from '../base/index.js';
import { findModelProblem } from './model-config.js';
import { type TrainingConfig, trainingFields } from './training-fields.js';

type FoundProblem = Problem & { readonly keys: readonly string[] };
type Rule = (config: TrainingConfig) => FoundProblem | undefined;

/** The first thing about the values of a run that does not fit, with the keys that say so: the one to change first. */
export function findTrainingProblem(config: TrainingConfig): FoundProblem | undefined {
  return trainingRules.map((rule) => rule(config)).find((found) => found !== undefined);
}

const trainingRules: readonly Rule[] = [
  ({ model }) => findModelProblem(model),
  ({ data }) =>
    data.text.length > 0 || data.dataset !== 'none'
      ? undefined
      : {
          what: 'there is nothing to train on',
          keys: ['data.dataset'],
          mend: 'give text = "book.txt" or dataset = "moby-dick"',
        },
  ({ data }) =>
    data.blockSteps === 0 || data.text.length > 1 || data.dataset === 'mixture'
      ? undefined
      : {
          what: `block_steps is ${data.blockSteps}, but there is one kind of text only`,
          keys: ['data.block_steps', 'data.text', 'data.dataset'],
          mend: 'use 0, several files as text, or dataset = "mixture"',
        },
  ({ data }) =>
    data.tokenizer !== ''
      ? undefined
      : {
          what: 'tokenizer is ""',
          keys: ['data.tokenizer'],
          mend: `use ${trainingFields.data.tokenizer.expects}`,
        },
  ({ data, model }) =>
    data.sequenceLength <= model.maxPositionEmbeddings
      ? undefined
      : {
          what: `sequence_length is ${data.sequenceLength}, longer than max_position_embeddings, ${model.maxPositionEmbeddings}`,
          keys: ['data.sequence_length', 'model.max_position_embeddings'],
          mend: 'shorten the sequences, or raise max_position_embeddings in [model]',
        },
  ({ data, model }) =>
    data.tokenizer !== 'bytes' || model.vocabSize >= 256
      ? undefined
      : {
          what: `vocab_size is ${model.vocabSize}, too small for bytes`,
          keys: ['model.vocab_size', 'data.tokenizer'],
          mend: 'use 256',
        },
  checkSlots,
  ({ balance, parallel }) =>
    balance.interval === 0 || parallel.expert > 1
      ? undefined
      : {
          what: `interval is ${balance.interval}, but with one expert rank all experts lie together`,
          keys: ['balance.interval', 'parallel.expert'],
          mend: 'use 0, or expert = 2 or more in [parallel]',
        },
  ({ optimizer }) =>
    optimizer.minimumLearningRate <= optimizer.learningRate
      ? undefined
      : {
          what: `minimum_learning_rate is ${optimizer.minimumLearningRate}, above learning_rate, ${optimizer.learningRate}`,
          keys: ['optimizer.minimum_learning_rate', 'optimizer.learning_rate'],
          mend: `use ${optimizer.learningRate} or less`,
        },
];

/** Each of the ranks that share the experts holds as many slots, and an expert at most once. */
function checkSlots({ parallel, balance, model }: TrainingConfig): ReturnType<Rule> {
  const { nRoutedExperts: experts } = model;
  const { expert: ranks } = parallel;
  const { redundantSlots: redundant } = balance;
  const most = experts * (ranks - 1);
  const fits = (count: number) => count >= 0 && count <= most && (experts + count) % ranks === 0;
  if (fits(redundant)) return undefined;
  const below = Math.floor((experts + Math.min(redundant, most)) / ranks) * ranks - experts;
  const nearest = [below, below + ranks].filter(fits).join(' or ');
  if (redundant === 0) {
    return {
      what: `expert is ${ranks}, which does not divide n_routed_experts, ${experts}`,
      keys: ['parallel.expert', 'model.n_routed_experts', 'balance.redundant_slots'],
      mend: `use a divisor of ${experts}, or redundant_slots = ${nearest} in [balance]`,
    };
  }
  const what =
    redundant > most
      ? `redundant_slots is ${redundant}, more than the ${most} with which each of ${ranks} expert ranks has all ${experts} experts`
      : `redundant_slots is ${redundant}, but ${ranks} expert ranks cannot share ${experts + redundant} slots evenly`;
  const keys = ['balance.redundant_slots', 'parallel.expert', 'model.n_routed_experts'];
  return { what, keys, mend: `use ${nearest}` };
}
