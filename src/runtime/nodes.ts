import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { Gather } from '../comm/index.js';

/** Linux's number of the machine's start, which tells machines with one name apart. */
const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** Tells all ranks on which machine this one is; gives the node of each rank, the same on all. */
export function findNodes(gather: Gather): number[] {
  return numberNodes(gather([machineNumber()]));
}

/** 48 bits of a digest: a number of which two machines do not have the same. */
function machineNumber(): number {
  const boot = existsSync(BOOT_ID) ? readFileSync(BOOT_ID, 'utf8') : '';
  return createHash('sha256').update(`${hostname()}\n${boot}`).digest().readUIntBE(0, 6);
}

/** The node of each rank, given its machine's number: nodes count from 0 in the order of their first ranks, whatever ranks they have. */
export function numberNodes(machineOfRank: ArrayLike<number>): number[] {
  const nodes = new Map<number, number>();
  return Array.from(machineOfRank, (machine) => {
    const node = nodes.get(machine) ?? nodes.size;
    nodes.set(machine, node);
    return node;
  });
}
