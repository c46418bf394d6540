import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, it } from 'node:test';
import { chooseStart } from './choose-checkpoint.js';

describe('a step of which there is no checkpoint', () => {
  const folder = mkdtempSync(join(tmpdir(), 'choose-checkpoint-'));

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  for (const [steps, mend] of [
    [[3], 'use that of step 3'],
    [[3, 9], 'use that of one of the steps 3, 9'],
  ] as const) {
    it(`is refused with the steps ${steps.join(' and ')} that there are`, async () => {
      for (const step of steps) mkdirSync(join(folder, 'checkpoints', `${step}`), { recursive: true });
      await assert.rejects(chooseStart(folder, 27), new RegExp(`there is no checkpoint of step 27 .*: ${mend}$`));
    });
  }
});
