import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { formatAction } from '../action.js';
import { generateSchedule } from './generate.js';

interface ReferenceCase {
  readonly name: string;
  readonly ranks: number;
  readonly microbatches: number;
  readonly stagesPerRank: number;
  /** A rank's actions, a space between them. */
  readonly actions: readonly string[];
}

/** What PyTorch's own code ordered. */
const { cases } = JSON.parse(readFileSync('test/fixtures/pytorch_schedules.json', 'utf8')) as {
  readonly cases: readonly ReferenceCase[];
};

for (const { actions, ...request } of cases) {
  const { name, ranks, microbatches, stagesPerRank } = request;
  test(`${name} with ${ranks} ranks, ${microbatches} microbatches and ${stagesPerRank} stages a rank has PyTorch's order`, () => {
    const schedule = generateSchedule(request);
    assert.deepEqual(
      schedule.actions.map((list) => list.map(formatAction).join(' ')),
      actions,
    );
  });
}
