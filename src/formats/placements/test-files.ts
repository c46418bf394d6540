import assert from 'node:assert/strict';
import fc from 'fast-check';
import { InputError } from '../../base/index.js';
import { createMemoryTree } from '../memory-tree.js';
import { parsePlacement, readPlacementFrom } from './read-from.js';
import type { PlacementFile } from './types.js';

export function createFile(
  rows: readonly (readonly number[])[],
  gpus: number,
  layerNumbers?: readonly number[],
): PlacementFile {
  const slots = rows[0]!.length;
  return {
    placement: {
      layers: rows.length,
      experts: Math.max(...rows.flat()) + 1,
      slots,
      physicalToLogical: Int32Array.from(rows.flat()),
    },
    slotStarts: Array.from({ length: gpus + 1 }, (_, gpu) => (gpu * slots) / gpus),
    layerNumbers: layerNumbers ?? [...rows.keys()],
  };
}

export function read(text: string, experts = 4) {
  return parsePlacement(text, { where: 'file', experts });
}

export function readBytes(bytes: Uint8Array, experts = 4) {
  return readPlacementFrom(createMemoryTree([{ path: 'file', bytes }]), 'file', { experts });
}

/** `[layers][slots]` of a placement that was read. */
export function rowsOf({ placement }: ReturnType<typeof read>): number[][] {
  return Array.from({ length: placement.layers }, (_, layer) => [
    ...placement.physicalToLogical.subarray(layer * placement.slots, (layer + 1) * placement.slots),
  ]);
}

export function refuses(call: () => unknown, message: RegExp): void {
  assert.throws(call, (error) => error instanceof InputError && message.test(error.message));
}

export const twoLayers = [
  [0, 1, 2, 3, 0, 1],
  [2, 3, 0, 1, 2, 3],
];

/** Placements of up to 4 layers in which no GPU has an expert twice: every format holds them. */
export const files = fc
  .record({
    gpus: fc.integer({ min: 1, max: 4 }),
    slotsPerGpu: fc.integer({ min: 1, max: 4 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .chain(({ gpus, slotsPerGpu, share }) => {
    const slots = gpus * slotsPerGpu;
    const experts = Math.max(slotsPerGpu, Math.ceil(share * slots));
    const row = fc
      .shuffledSubarray([...Array(experts).keys()], { minLength: experts })
      .map((order) => Array.from({ length: slots }, (_, slot) => order[slot % experts]!));
    return fc.record({
      gpus: fc.constant(gpus),
      rows: fc.array(row, { minLength: 1, maxLength: 4 }),
      gaps: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 4 }),
    });
  })
  .map(({ gpus, rows, gaps }) => {
    let layer = -1;
    return createFile(
      rows,
      gpus,
      rows.map((_, row) => (layer += gaps[row]!)),
    );
  });
