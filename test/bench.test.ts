import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runCommand } from './run-command.js';

describe('bench schedule', () => {
  it('prints one document: a case for each schedule, with its actions and the spread of its times', async () => {
    const { status, stdout } = await runCommand('bench schedule --repeats 1 --json');
    assert.equal(status, 0);
    const { cases } = JSON.parse(stdout) as { cases: Record<string, unknown>[] };
    const [first] = cases;
    assert.deepEqual([first?.name, first?.ranks, first?.microbatches, first?.actions], ['dualpipev', 16, 480, 16_369]);
    for (const one of cases) {
      const { median, min, max } = one.milliseconds as { median: number; min: number; max: number };
      assert.ok(min > 0 && min <= median && median <= max);
    }
  });

  it('refuses a config, which it would not use, and a benchmark that there is not', async () => {
    for (const line of ['bench schedule --config small', 'bench schedules']) {
      const { status, stdout, stderr } = await runCommand(line);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, /^doubletrack: [^\n]+\n$/);
    }
  });
});
