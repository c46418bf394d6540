import { InputError } from '../base/index.js';

/** The GPUs that experts are placed on. GPU g is on node floor(g / (gpus / nodes)). */
export interface Machine {
  readonly gpus: number;
  readonly nodes: number;
  /** Physical slots of all GPUs together. */
  readonly slots: number;
  /** `[gpus + 1]`: the first slot of each GPU, and last the number of slots. */
  readonly slotStarts: Int32Array;
  /** `[gpus]`: 1 where experts may be placed, 0 for a GPU that is left out; its slots stay empty. */
  readonly isUsed: Uint8Array;
  /** `[gpus]`: relative speed; a GPU's time is its load over its speed. */
  readonly speeds: Float64Array;
}

/** What a machine is made of; what is left out is the same for all GPUs. */
export interface MachineOptions {
  readonly gpus: number;
  /** Slots of all GPUs together, or a number for each GPU. */
  readonly slots: number | readonly number[];
  /** Default 1. */
  readonly nodes?: number | undefined;
  readonly excludedGpus?: readonly number[] | undefined;
  /** `[gpus]`, positive; default all 1. */
  readonly speeds?: readonly number[] | undefined;
}

/** Throws `InputError` for sizes that do not divide, lists of another length than the GPUs, GPUs that do not exist, and speeds that are not positive. */
export function createMachine({ gpus, slots, nodes = 1, excludedGpus = [], speeds }: MachineOptions): Machine {
  requireSize('gpus', gpus);
  requireSize('nodes', nodes);
  if (gpus % nodes !== 0)
    throw refuse(
      `${gpus} GPUs do not divide by ${nodes} nodes`,
      `use ${listDivisors(gpus)} nodes, with as many GPUs each`,
    );
  const slotStarts = listStarts(gpus, typeof slots === 'number' ? shareSlots(slots, gpus) : slots);
  const isUsed = new Uint8Array(gpus).fill(1);
  for (const gpu of excludedGpus) {
    if (!(Number.isInteger(gpu) && gpu >= 0 && gpu < gpus))
      throw refuse(`there is no GPU ${gpu} to exclude`, `use 0 to ${gpus - 1}`);
    isUsed[gpu] = 0;
  }
  if (!isUsed.includes(1)) throw refuse('all GPUs are excluded', 'keep one');
  if (speeds !== undefined && speeds.length !== gpus)
    throw refuse(`${speeds.length} speeds for ${gpus} GPUs`, 'give one for each GPU');
  for (const [gpu, speed] of (speeds ?? []).entries()) {
    if (!(speed > 0 && Number.isFinite(speed)))
      throw refuse(`the speed of GPU ${gpu} is ${speed}`, 'use a positive number');
  }
  return {
    gpus,
    nodes,
    slots: slotStarts[gpus]!,
    slotStarts,
    isUsed,
    speeds: speeds === undefined ? new Float64Array(gpus).fill(1) : Float64Array.from(speeds),
  };
}

/**
 * The nodes and groups that a policy sees. DeepSeek's takes nodes that divide neither the GPUs nor the groups as one,
 * and so the groups, and places globally, which a note says; for another, `createMachine` refuses such nodes.
 */
export function joinNodes({
  gpus,
  nodes,
  groups,
  policy,
}: {
  readonly gpus: number;
  readonly nodes: number;
  readonly groups: number;
  readonly policy: string;
}): { readonly nodes: number; readonly groups: number; readonly notes: readonly string[] } {
  if (policy !== 'deepseek' || gpus % nodes === 0 || groups % nodes === 0) return { nodes, groups, notes: [] };
  const notes = [`${gpus} GPUs do not divide by ${nodes} nodes: placed as on one node, as DeepSeek's policy does`];
  return { nodes: 1, groups: 1, notes };
}

/** `[slots]`: the GPU of each slot, of a machine or of the GPUs that a layer is placed on. */
export function listGpuOfSlot({ gpus, slots, slotStarts }: Pick<Machine, 'gpus' | 'slots' | 'slotStarts'>): Int32Array {
  const gpuOfSlot = new Int32Array(slots);
  for (let gpu = 0; gpu < gpus; gpu++) gpuOfSlot.fill(gpu, slotStarts[gpu], slotStarts[gpu + 1]);
  return gpuOfSlot;
}

function shareSlots(slots: number, gpus: number): number[] {
  requireSize('slots', slots);
  if (slots % gpus !== 0) {
    throw refuse(
      `${slots} slots do not divide by ${gpus} GPUs`,
      `use ${slots + gpus - (slots % gpus)} slots, or give a number for each GPU`,
    );
  }
  return Array.from({ length: gpus }, () => slots / gpus);
}

function listStarts(gpus: number, slotsByGpu: readonly number[]): Int32Array {
  if (slotsByGpu.length !== gpus)
    throw refuse(`slots for ${slotsByGpu.length} GPUs, where there are ${gpus}`, 'give a number for each GPU');
  const starts = new Int32Array(gpus + 1);
  for (const [gpu, slots] of slotsByGpu.entries()) {
    if (!(Number.isInteger(slots) && slots >= 0 && slots <= MAX_SLOTS))
      throw refuse(`GPU ${gpu} has ${slots} slots`, `use a whole number from 0 to ${MAX_SLOTS}`);
    starts[gpu + 1] = starts[gpu]! + slots;
  }
  if (starts[gpus] === 0) throw refuse('there are no slots', 'give at least one');
  return starts;
}

/** `1, 2, 4 or 8`: what divides a number, the first eight. */
function listDivisors(number: number): string {
  const divisors: number[] = [];
  for (let divisor = 1; divisor <= number && divisors.length < 8; divisor++)
    if (number % divisor === 0) divisors.push(divisor);
  const last = divisors.pop();
  return divisors.length === 0 ? `${last}` : `${divisors.join(', ')} or ${last}`;
}

const MAX_SLOTS = 65_535;
const MAX_SIZE = 1_000_000;

function requireSize(name: string, size: number): void {
  if (!(Number.isInteger(size) && size > 0 && size <= MAX_SIZE))
    throw refuse(`${name} is ${size}`, `use a whole number from 1 to ${MAX_SIZE}`);
}

function refuse(what: string, mend: string): InputError {
  return new InputError({ what, mend });
}
