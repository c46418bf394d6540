import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { InputError } from '../base/index.js';
import { createMachine, listGpuOfSlot } from './machine.js';

describe('a machine', () => {
  it('has the same slots on every GPU, unless it says otherwise', () => {
    assert.deepEqual(createMachine({ gpus: 2, slots: 6 }), {
      gpus: 2,
      nodes: 1,
      slots: 6,
      slotStarts: Int32Array.of(0, 3, 6),
      isUsed: Uint8Array.of(1, 1),
      speeds: Float64Array.of(1, 1),
    });
  });

  it('may have its own slots and speed on each GPU, and leave some out', () => {
    const machine = createMachine({
      gpus: 4,
      nodes: 2,
      slots: [1, 0, 2, 3],
      excludedGpus: [3],
      speeds: [1, 2, 0.5, 1],
    });
    assert.deepEqual([...machine.slotStarts], [0, 1, 1, 3, 6]);
    assert.deepEqual([...machine.isUsed], [1, 1, 1, 0]);
    assert.deepEqual([...machine.speeds], [1, 2, 0.5, 1]);
    assert.deepEqual([...listGpuOfSlot(machine)], [0, 2, 2, 3, 3, 3]);
  });

  for (const [options, message] of [
    [{ gpus: 0, slots: 1 }, /gpus is 0: use a whole number from 1 to 1000000/],
    [{ gpus: 1.5, slots: 1 }, /gpus is 1\.5/],
    [{ gpus: 1e9, slots: 1 }, /gpus is 1000000000/],
    [{ gpus: 2, nodes: 0, slots: 2 }, /nodes is 0/],
    [{ gpus: 3, nodes: 2, slots: 3 }, /3 GPUs do not divide by 2 nodes/],
    [{ gpus: 2, slots: Number.NaN }, /slots is NaN/],
    [{ gpus: 4, slots: 6 }, /6 slots do not divide by 4 GPUs: use 8 slots, or give a number for each GPU/],
    [{ gpus: 2, slots: [1] }, /slots for 1 GPUs, where there are 2/],
    [{ gpus: 2, slots: [1, -1] }, /GPU 1 has -1 slots/],
    [{ gpus: 2, slots: [1, 65_536] }, /GPU 1 has 65536 slots: use a whole number from 0 to 65535/],
    [{ gpus: 2, slots: [0, 0] }, /there are no slots/],
    [{ gpus: 2, slots: 2, excludedGpus: [2] }, /there is no GPU 2 to exclude: use 0 to 1/],
    [{ gpus: 2, slots: 2, excludedGpus: [0.5] }, /there is no GPU 0\.5/],
    [{ gpus: 2, slots: 2, excludedGpus: [0, 1] }, /all GPUs are excluded/],
    [{ gpus: 2, slots: 2, speeds: [1] }, /1 speeds for 2 GPUs/],
    [{ gpus: 2, slots: 2, speeds: [1, 0] }, /the speed of GPU 1 is 0: use a positive number/],
    [{ gpus: 2, slots: 2, speeds: [Number.POSITIVE_INFINITY, 1] }, /the speed of GPU 0 is Infinity/],
  ] as const) {
    it(`is refused: ${message}`, () => {
      assert.throws(
        () => createMachine(options),
        (error) => error instanceof InputError && message.test(error.message),
      );
    });
  }
});
