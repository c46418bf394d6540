import { createMachine, joinNodes, type Machine, type PlacementPolicy } from '../balance/index.js';
import { InputError } from '../base/index.js';
import { type LoadsInput, prepareLoads, readExpertLoads, readJson } from '../formats/index.js';

/** The flags that say what is placed and where; those of `balance` and `balance score`. */
export interface SourceFlags {
  readonly gpus?: number;
  readonly slots?: number;
  readonly redundant?: number;
  readonly gpuSlots?: readonly number[];
  readonly nodes?: number;
  readonly excludeGpus?: readonly number[];
  readonly gpuSpeeds?: string;
  readonly experts?: number;
  readonly normalize?: boolean;
  readonly trimWarmup?: boolean;
  readonly layerOffset?: number;
}

/** Reads the loads of files and folders as the flags say. Throws as `readExpertLoads`. */
export async function readLoads(paths: readonly string[], flags: SourceFlags): Promise<LoadsInput> {
  const { experts, trimWarmup = false } = flags;
  const recorded = await readExpertLoads(paths, { trimWarmup, ...(experts === undefined ? {} : { experts }) });
  return prepareLoads(recorded, flags);
}

/**
 * The machine that the flags describe; without slots, it has as many as `known`. Nodes are joined as `joinNodes` does, which is noted.
 */
export function readMachine(
  flags: SourceFlags & { readonly groups?: number; readonly policy?: PlacementPolicy },
  known: number | undefined,
): Machine {
  const { gpus, gpuSlots, excludeGpus, gpuSpeeds, groups = 1, policy = 'best' } = flags;
  if (gpus === undefined) throw new InputError({ what: 'the number of GPUs is missing', mend: 'add --gpus G' });
  const slots = gpuSlots ?? flags.slots ?? known;
  if (slots === undefined)
    throw new InputError({ what: 'the number of slots is missing', mend: 'add --slots S, of all GPUs together' });
  const { nodes, notes } = joinNodes({ gpus, nodes: flags.nodes ?? 1, groups, policy });
  for (const note of notes) process.stderr.write(`note: ${note}\n`);
  const total = gpuSlots?.reduce((sum, count) => sum + count, 0);
  if (total !== undefined && flags.slots !== undefined && total !== flags.slots) {
    throw new InputError({
      what: `--gpu-slots are ${total} together, --slots says ${flags.slots}`,
      mend: 'leave one out',
    });
  }
  const speeds = gpuSpeeds === undefined ? undefined : readSpeeds(gpuSpeeds);
  return createMachine({ gpus, slots, nodes, excludedGpus: excludeGpus, speeds });
}

const MOST_SPEED_BYTES = 2 ** 24;

/** The speeds of GPUs in a JSON file. Throws `InputError`. */
export function readSpeeds(path: string): number[] {
  const value = readJson(path, { maxBytes: MOST_SPEED_BYTES });
  if (Array.isArray(value) && value.every((speed): speed is number => typeof speed === 'number')) return value;
  throw new InputError({
    what: 'the speeds are no list of numbers',
    where: path,
    mend: 'write a JSON list with one for each GPU, such as [1, 1, 0.9]',
  });
}
