import { findEvenSlots, nameGpus, slotsOf } from './layout.js';
import type { PlacementFile, PlacementFormat } from './types.js';

/** An engine's side of a file: its GPUs are those that hold experts. */
interface Launch {
  readonly gpus: number;
  readonly slotsPerGpu: number;
  /** Slots less experts, of the GPUs that hold experts. */
  readonly redundant: number;
  readonly emptyGpus: readonly number[];
  readonly path: string;
}

const writers: Readonly<Record<Exclude<PlacementFormat, 'json'>, (launch: Launch, file: PlacementFile) => string[]>> = {
  sglang: launchSglang,
  vllm: launchVllm,
  'tensorrt-llm': launchTensorrtLlm,
  'vllm-ascend': launchVllmAscend,
};

/**
 * The lines of a shell that start an engine on a file that was written, with the sizes that the engine does not read
 * from the file; MODEL stands for the model. What cannot be started, or needs care, is said in lines that begin with #.
 * None for our own JSON, which no engine reads. Throws as `formatPlacement`. Sources, with versions: docs/engines.md.
 */
export function launchFlags(file: PlacementFile, format: PlacementFormat, path?: string): readonly string[] {
  if (format === 'json') return [];
  const { slotsPerGpu, usedGpus, emptyGpus } = findEvenSlots(file, format);
  const gpus = usedGpus.length;
  const redundant = slotsPerGpu * gpus - file.placement.experts;
  const given = path ?? `placement.${format === 'tensorrt-llm' ? 'yaml' : 'json'}`;
  return writers[format]({ gpus, slotsPerGpu, redundant, emptyGpus, path: given }, file);
}

/** SGLang 0.5.23. Beside an all-to-all backend it takes static dispatch by itself, which spoils the balance. */
function launchSglang(launch: Launch, file: PlacementFile): string[] {
  const { gpus, slotsPerGpu, redundant, emptyGpus, path } = launch;
  if (emptyGpus.length > 0) {
    return [
      `# SGLang starts with all GPUs of the file, and would send tokens to ${nameGpus(emptyGpus)} too.`,
      `# To start it on the other ${gpus}, place for them alone: --gpus ${gpus} --slots ${gpus * slotsPerGpu}`,
    ];
  }
  const sizes = `--tp-size ${gpus} --ep-size ${gpus} --ep-num-redundant-experts ${redundant}`;
  const location = `--init-expert-location ${quote(path)} --ep-dispatch-algorithm dynamic`;
  return [
    ...refuseOtherNames(path, 'SGLang'),
    ...warnOfTwins(file, slotsPerGpu),
    `python -m sglang.launch_server --model-path MODEL ${sizes} ${location}`,
  ];
}

/** SGLang 0.5.23 with an all-to-all backend fills only the first slot of an expert on a GPU. */
function warnOfTwins({ placement, layerNumbers }: PlacementFile, slotsPerGpu: number): string[] {
  for (const [row, layer] of layerNumbers.entries()) {
    const experts = [...slotsOf(placement, row)];
    const twin = experts.findIndex((expert, slot) => {
      const first = experts.indexOf(expert, slot - (slot % slotsPerGpu));
      return first < slot;
    });
    if (twin === -1) continue;
    const where = `In layer ${layer}, GPU ${Math.floor(twin / slotsPerGpu)} holds expert ${experts[twin]} twice`;
    return [
      `# ${where}: with --moe-a2a-backend other than none, SGLang 0.5.23 loads only the first of the two and still uses both.`,
    ];
  }
  return [];
}

/** vLLM with pull request 41141, whose names have changed before. */
function launchVllm({ gpus, redundant, path }: Launch): string[] {
  const config = { num_redundant_experts: redundant, initial_mapping_path: path, disable_online_rebalancing: true };
  const sizes = `--data-parallel-size ${gpus} --enable-expert-parallel --enable-eplb`;
  return [
    '# No release of vLLM up to 0.33 reads this file. With pull request 41141 (check the names of its options):',
    `vllm serve MODEL ${sizes} --eplb-config ${quote(JSON.stringify(config))}`,
  ];
}

/** TensorRT-LLM 1.x: the file is named in a file of options. */
function launchTensorrtLlm({ gpus, path }: Launch): string[] {
  const options = quote(`${path.replace(/\.ya?ml$/, '')}.options.yaml`);
  return [
    `cat > ${options} <<'END'`,
    'enable_attention_dp: true',
    'moe_config:',
    '  backend: WIDEEP',
    `  load_balancer: ${JSON.stringify(path)}`,
    'END',
    `trtllm-serve MODEL --tp_size ${gpus} --ep_size ${gpus} --extra_llm_api_options ${options}`,
  ];
}

/** vLLM-Ascend 0.18 to 0.23, Model Runner V1; 0.26 also asks for the number of redundant experts. */
function launchVllmAscend({ gpus, redundant, path }: Launch): string[] {
  const config = { eplb_config: { expert_map_path: path, num_redundant_experts: redundant } };
  const sizes = `--data-parallel-size ${gpus} --enable-expert-parallel`;
  return [
    ...refuseOtherNames(path, 'vLLM-Ascend'),
    `vllm serve MODEL ${sizes} --additional-config ${quote(JSON.stringify(config))}`,
  ];
}

/** Both take a name that ends otherwise for something else, or refuse it. */
function refuseOtherNames(path: string, engine: string): string[] {
  return path.endsWith('.json') ? [] : [`# ${engine} takes only a file whose name ends in .json: rename it.`];
}

/** A word of a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
