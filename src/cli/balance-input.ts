import { createMachine, joinNodes, type Machine, type PlacementPolicy } from '../balance/index.js';
import { InputError } from '../base/index.js';
import { type LoadsInput, prepareLoads, readExpertLoads, readJson } from '../formats/index.js';
import { writeNotes } from './output.js';

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

/** What is known of a machine without its flags. */
interface KnownSizes {
  /** Of the loads. */
  readonly experts: number;
  /** Of a placement that was read. */
  readonly slots: number | undefined;
}

/**
 * The machine that the flags describe; without slots, it has as many as are known. Nodes are joined as `joinNodes` does,
 * which is noted. Throws `InputError` where flags are missing or do not go together.
 */
export function readMachine(
  flags: SourceFlags & { readonly groups?: number; readonly policy?: PlacementPolicy },
  known: KnownSizes,
): Machine {
  const { gpus, gpuSlots, excludeGpus, gpuSpeeds, groups = 1, policy = 'best' } = flags;
  if (gpus === undefined) throw new InputError({ what: 'the number of GPUs is missing', mend: 'add --gpus G' });
  const slots = countRedundant(flags, gpus, known) ?? gpuSlots ?? flags.slots ?? known.slots;
  if (slots === undefined) {
    const mend = 'add --slots S, of all GPUs together, or --redundant N, those beyond one an expert';
    throw new InputError({ what: 'the number of slots is missing', mend });
  }
  const { nodes, notes } = joinNodes({ gpus, nodes: flags.nodes ?? 1, groups, policy });
  writeNotes(notes);
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

/** The slots that redundant experts come to, as engines count them; undefined where none are asked for. */
function countRedundant(
  { redundant, slots, gpuSlots }: SourceFlags,
  gpus: number,
  known: KnownSizes,
): number | undefined {
  if (redundant === undefined) return undefined;
  if (slots !== undefined || gpuSlots !== undefined)
    throw new InputError({ what: '--redundant and the number of slots say the same', mend: 'leave one out' });
  const total = known.experts + redundant;
  if (total % gpus === 0) return total;
  const [less, more] = [Math.floor(total / gpus), Math.ceil(total / gpus)].map((each) => each * gpus - known.experts);
  throw new InputError({
    what: `${known.experts} experts and ${redundant} redundant ones do not divide by ${gpus} GPUs`,
    where: '--redundant',
    mend: less < 0 ? `use ${more}` : `use ${less} or ${more}`,
  });
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
