import { nearestWord, suggestWord } from '../base/index.js';
import { toSnakeCase } from './fields.js';
import { type TableName, trainingFields } from './training-fields.js';

/** What people call a key who know torchtitan, Megatron-LM, nanoGPT or transformers. */
export const aliases: Readonly<Record<string, readonly string[]>> = {
  'model.vocab_size': ['vocab', 'vocabulary_size', 'n_vocab', 'padded_vocab_size', 'vocabsize'],
  'model.hidden_size': ['dim', 'd_model', 'n_embd', 'embed_dim', 'embedding_size', 'hidden_dim', 'model_dim', 'width'],
  'model.intermediate_size': ['ffn_hidden_size', 'ffn_dim', 'd_ff', 'inter_dim', 'mlp_dim', 'ffn_size'],
  'model.moe_intermediate_size': ['moe_ffn_hidden_size', 'moe_inter_dim', 'expert_dim', 'moe_hidden_dim'],
  'model.num_hidden_layers': ['n_layers', 'n_layer', 'num_layers', 'layers', 'depth'],
  'model.num_attention_heads': ['n_heads', 'n_head', 'num_heads', 'heads'],
  'model.n_shared_experts': ['num_shared_experts', 'shared_experts'],
  'model.n_routed_experts': ['num_experts', 'num_local_experts', 'num_routed_experts', 'n_experts', 'experts'],
  'model.num_experts_per_tok': [
    ...['top_k', 'topk', 'k', 'moe_topk', 'moe_router_topk', 'num_experts_per_token', 'experts_per_token'],
    ...['n_activated_experts', 'num_activated_experts'],
  ],
  'model.n_group': ['n_groups', 'num_groups', 'n_expert_groups', 'moe_router_num_groups'],
  'model.topk_group': ['n_limited_groups', 'moe_router_group_topk', 'topk_groups'],
  'model.first_k_dense_replace': ['n_dense_layers', 'num_dense_layers', 'first_k_dense'],
  'model.max_position_embeddings': ['max_context', 'rope_max_seq_len'],
  'model.rms_norm_eps': ['norm_eps', 'layernorm_epsilon'],
  'model.rope_theta': ['rotary_base', 'rope_base', 'theta'],
  'model.tie_word_embeddings': ['tie_embeddings', 'weight_tying', 'share_embeddings'],
  'model.initializer_range': ['init_method_std', 'init_std'],
  'data.text': [
    'path',
    'paths',
    'file',
    'files',
    'data_path',
    'dataset_path',
    'train_file',
    'input',
    'texts',
    'corpus',
  ],
  'data.dataset': ['dataset_name', 'data'],
  'data.tokenizer': ['tokenizer_path', 'tokenizer_model', 'tokenizer_file', 'tokenizer_name', 'hf_assets_path'],
  'data.sequence_length': [
    ...['seq_len', 'seq_length', 'seqlen', 'block_size', 'context_length', 'context_size', 'max_seq_len', 'ctx_len'],
    ...['max_length', 'max_seq_length', 'max_sequence_length', 'context'],
  ],
  'data.validation_fraction': ['val_fraction', 'validation_split', 'val_split', 'eval_fraction', 'split'],
  'parallel.pipeline': [
    ...['pp', 'pp_size', 'pp_degree', 'pipeline_parallel', 'pipeline_parallel_degree', 'pipeline_parallel_size'],
    ...['pipeline_model_parallel_size', 'pipeline_ranks', 'ranks', 'world_size', 'n_ranks', 'num_ranks'],
  ],
  'parallel.expert': [
    ...['ep', 'ep_size', 'ep_degree', 'expert_parallel', 'expert_parallel_degree', 'expert_parallel_size'],
    ...['expert_model_parallel_size', 'expert_ranks', 'dp', 'data_parallel', 'data_parallel_size'],
  ],
  'parallel.transport': ['backend', 'distributed_backend', 'communication'],
  'parallel.compute_threads': ['threads', 'num_threads', 'n_threads', 'omp_num_threads'],
  'parallel.shard_optimizer': ['zero', 'zero1', 'zero_stage', 'use_distributed_optimizer', 'distributed_optimizer'],
  'schedule.name': ['schedule', 'pipeline_schedule', 'pp_schedule', 'pipeline_parallel_schedule', 'type', 'kind'],
  'schedule.stages_per_rank': ['virtual_stages', 'vpp', 'num_stages_per_rank', 'num_layers_per_virtual_pipeline_stage'],
  'schedule.microbatches': [
    ...['num_microbatches', 'n_microbatches', 'micro_batches', 'gradient_accumulation_steps', 'grad_accum_steps'],
    ...['accumulation_steps', 'grad_accum', 'chunks'],
  ],
  'schedule.microbatch_size': [
    ...['batch_size', 'micro_batch_size', 'mbs', 'local_batch_size', 'device_batch_size', 'batch', 'bs'],
    ...['per_device_train_batch_size', 'global_batch_size', 'total_batch_size', 'train_batch_size', 'gbs'],
    'pipeline_parallel_microbatch_size',
  ],
  'optimizer.learning_rate': ['lr', 'max_lr', 'peak_lr', 'base_lr', 'eta', 'learningrate'],
  'optimizer.minimum_learning_rate': ['min_lr', 'lr_min', 'final_lr', 'min_learning_rate', 'end_lr', 'eta_min'],
  'optimizer.warmup_steps': ['warmup', 'warmup_iters', 'lr_warmup_iters', 'num_warmup_steps', 'lr_warmup_steps'],
  'optimizer.weight_decay': ['wd', 'decay'],
  'optimizer.beta1': ['adam_beta1', 'b1', 'beta_1', 'betas'],
  'optimizer.beta2': ['adam_beta2', 'b2', 'beta_2'],
  'optimizer.epsilon': ['eps', 'adam_eps', 'adam_epsilon'],
  'optimizer.clip_norm': ['max_norm', 'grad_clip', 'clip_grad', 'max_grad_norm', 'gradient_clipping', 'clip'],
  'optimizer.bias_update_speed': ['bias_update_rate', 'moe_router_bias_update_rate', 'gamma', 'load_balance_coeff'],
  'optimizer.sequence_balance_weight': ['aux_loss_alpha', 'moe_aux_loss_coeff', 'router_aux_loss_coef', 'aux_loss'],
  'train.steps': [
    ...['max_steps', 'num_steps', 'n_steps', 'total_steps', 'train_steps', 'iters', 'max_iters', 'train_iters'],
    ...['num_iterations', 'iterations', 'epochs', 'num_train_epochs', 'num_epochs'],
  ],
  'train.seed': ['random_seed', 'rng_seed'],
  'train.save_every': [
    ...['save_interval', 'save_steps', 'checkpoint_every', 'checkpoint_interval', 'interval', 'ckpt_interval'],
    'checkpoint_steps',
  ],
  'train.evaluate_every': [
    ...[
      'eval_interval',
      'eval_steps',
      'eval_every',
      'validate_every',
      'validation_interval',
      'val_interval',
      'val_every',
    ],
  ],
  'train.initial_checkpoint': [
    ...['load', 'load_checkpoint', 'init_from', 'initial_load_path', 'pretrained', 'checkpoint', 'resume'],
    ...['pretrained_model_name_or_path', 'resume_from_checkpoint', 'init_checkpoint'],
  ],
  'balance.redundant_slots': ['redundant_experts', 'num_redundant_experts', 'ep_num_redundant_experts', 'replicas'],
  'balance.interval': ['step_interval', 'rebalance_interval', 'eplb_rebalance_num_iterations', 'every'],
};

/** The same of tables. */
const tableAliases: Readonly<Record<string, TableName>> = {
  training: 'train',
  trainer: 'train',
  checkpoint: 'train',
  optim: 'optimizer',
  lr_scheduler: 'optimizer',
  parallelism: 'parallel',
  dataset: 'data',
  moe: 'model',
};

const keyByAlias = new Map(
  Object.entries(aliases).flatMap(([key, words]) => words.map((word) => [word, key] as const)),
);

/**
 * What to do about a key that its table does not have: the key that people mean by that word, a key of another table
 * with that name, or the nearest of the table; else the keys there are.
 */
export function suggestKey(table: TableName, key: string): string {
  const own = Object.keys(trainingFields[table]).map(toSnakeCase);
  const word = normalize(key);
  const inTable = own.find((name) => name === word);
  const meant = inTable === undefined ? meantKey(key, table) : `${table}.${inTable}`;
  if (meant === undefined) return suggestWord(key, own);
  const [place, name] = meant.split('.');
  return `did you mean '${place === table ? name : meant}'?`;
}

/** What to do about a table that does not exist, and if it is known the key that was looked for in it. */
export function suggestTable(table: string, key?: string): string {
  const tables = Object.keys(trainingFields);
  const near = nearestWord(table, tables);
  const meant = key === undefined || near !== undefined ? undefined : meantKey(key);
  const alias = Object.hasOwn(tableAliases, table) ? tableAliases[table] : undefined;
  return meant === undefined && alias === undefined ? suggestWord(table, tables) : `did you mean '${meant ?? alias}'?`;
}

/**
 * The key of any table that is meant by a word: its own name, or an alias. In `table` the word may mean something of
 * its own.
 */
export function meantKey(word: string, table?: TableName): string | undefined {
  const normal = normalize(word);
  const alias = keyByAlias.get(normal);
  if (table !== undefined && alias?.startsWith(`${table}.`)) return alias;
  const named = Object.entries(trainingFields).find(([, fields]) =>
    Object.keys(fields).some((name) => toSnakeCase(name) === normal),
  );
  return named === undefined ? alias : `${named[0]}.${normal}`;
}

/** `maxSteps`, `max-steps` and `MAX_STEPS` are `max_steps`. */
function normalize(word: string): string {
  const isOneCase = word === word.toUpperCase();
  return (isOneCase ? word : toSnakeCase(word)).toLowerCase().replaceAll('-', '_').replace(/^_/, '');
}
