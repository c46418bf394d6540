import { createReadStream, existsSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { InputError } from '../base/index.js';
import { flattenTrainingConfig, sequencesPerStep, type TrainingConfig } from '../config/index.js';
import { fileError, requireStored, writeFileWhole } from '../formats/index.js';
import { runPaths } from './run-paths.js';

type Values = Readonly<Record<string, unknown>>;

/** A line of `history.jsonl`: a start of the run. */
export interface RunStart {
  /** In ISO 8601. */
  readonly time: string;
  /** The first step that it was to make. */
  readonly step: number;
  /** Of the program. */
  readonly version: string;
  /** By key, such as `train.seed`: what was changed since the start before. */
  readonly changed: Readonly<Record<string, { readonly from: unknown; readonly to: unknown }>>;
  /** All values by their keys. */
  readonly config: Values;
}

/** A value that is another one than at the last start. */
export interface ChangedKey {
  readonly key: string;
  /** Undefined of a key that the build before did not know. */
  readonly from: unknown;
  readonly to: unknown;
  /** What that does to the run. */
  readonly effect: 'none' | 'learning rate' | 'curve' | 'shape';
}

/**
 * The starts of a run so far; none of a run of an earlier build. Lines that were cut short are left out. Throws as
 * `fileError`.
 */
export async function readHistory(folder: string): Promise<readonly RunStart[]> {
  const path = runPaths(folder).history;
  if (!existsSync(path)) return [];
  requireStored(path);
  const starts: RunStart[] = [];
  try {
    for await (const line of createInterface({ input: createReadStream(path) })) {
      const start = parseStart(line);
      if (start !== undefined) starts.push(start);
    }
  } catch (error) {
    throw fileError(error, path, 'read');
  }
  return starts;
}

function parseStart(line: string): RunStart | undefined {
  try {
    const value = JSON.parse(line) as Partial<RunStart> | null;
    const isStart = typeof value?.config === 'object' && value.config !== null && Number.isSafeInteger(value.step);
    return isStart ? (value as RunStart) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes the starts of a run, whole or not at all. Throws as `writeFileWhole`. */
export async function writeHistory(folder: string, starts: readonly RunStart[]): Promise<void> {
  await writeFileWhole(runPaths(folder).history, starts.map((start) => `${JSON.stringify(start)}\n`).join(''));
}

/** The sizes of the model: parameters of other ones are other tensors. */
const shapeKeys = new Set(
  [
    'vocab_size',
    'hidden_size',
    'intermediate_size',
    'moe_intermediate_size',
    'num_hidden_layers',
    'num_attention_heads',
    'n_shared_experts',
    'n_routed_experts',
    'kv_lora_rank',
    'q_lora_rank',
    'qk_rope_head_dim',
    'qk_nope_head_dim',
    'v_head_dim',
    'first_k_dense_replace',
    'tie_word_embeddings',
  ].map((name) => `model.${name}`),
);

/** What the curve does not depend on, or only as far as a step's sequences do. */
const harmlessTables = ['parallel.', 'schedule.', 'balance.', 'train.'];
const batchKeys = new Set(['parallel.expert', 'schedule.microbatches', 'schedule.microbatch_size']);

/** The keys whose values differ between the last start (`before`) and `config`. */
export function compareStarts(before: Values, config: TrainingConfig): ChangedKey[] {
  const now = flattenTrainingConfig(config);
  const sequences = [...batchKeys].map((key) => before[key]);
  const isOtherBatch =
    sequences.reduce<number>((product, one) => product * Number(one), 1) !== sequencesPerStep(config);
  return Object.entries(now).flatMap(([key, to]) => {
    const from = before[key];
    // A key that the build before did not know has its default, which does what was done without it.
    if (from === undefined || JSON.stringify(from) === JSON.stringify(to)) return [];
    return [{ key, from, to, effect: effectOf(key, config, isOtherBatch) }];
  });
}

function effectOf(key: string, { optimizer }: TrainingConfig, isOtherBatch: boolean): ChangedKey['effect'] {
  if (shapeKeys.has(key)) return 'shape';
  if (batchKeys.has(key)) return isOtherBatch ? 'curve' : 'none';
  if (key === 'train.steps') return optimizer.minimumLearningRate === optimizer.learningRate ? 'none' : 'learning rate';
  if (key === 'train.seed') return 'curve';
  return harmlessTables.some((table) => key.startsWith(table)) ? 'none' : 'curve';
}

/** Throws `InputError` if the model has other sizes than that of the checkpoint from which the run is to go on. */
export function requireSameShape(changed: readonly ChangedKey[], checkpoint: string): void {
  const sizes = changed.filter(({ effect }) => effect === 'shape');
  if (sizes.length === 0) return;
  throw new InputError({
    what: `the model has other sizes than that of the checkpoint: ${sizes.map(describeChange).join(', ')}`,
    where: checkpoint,
    mend: 'leave [model] as it was, or begin another run with --out',
  });
}

function describeChange({ key, from, to }: ChangedKey): string {
  return `${key} ${JSON.stringify(from)} -> ${JSON.stringify(to)}`;
}

const consequences = {
  none: '',
  'learning rate': ' (the learning rate falls towards that step)',
  curve: ' (the curve is another one from here on)',
  shape: ' (another model)',
} as const satisfies Record<ChangedKey['effect'], string>;

/** Each change as a sentence for whoever starts the run. */
export function tellChanges(changed: readonly ChangedKey[]): string[] {
  return changed.map((one) => `changed since the last start: ${describeChange(one)}${consequences[one.effect]}`);
}
