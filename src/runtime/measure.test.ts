import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recordSteps } from '../simulate/index.js';
import { startRanks } from './start-ranks.js';
import { createTestSpec, fillTestBatch } from './test-spec.js';

test('a measured step has every segment and message of the schedule, and makes a record of all parts of the model', async () => {
  const spec = createTestSpec({ schedule: 'dualpipev', ranks: 2, microbatches: 4, expert: 2 });
  const group = await startRanks(spec);
  try {
    await group.call('initialize', 1);
    fillTestBatch(spec, 1);
    const reports = await group.call('computeGradients');
    const ranks = await group.call('measure');
    for (const [rank, { scheduleSeconds, segments, messages }] of ranks.entries()) {
      const own = [...segments, ...messages].reduce((sum, { seconds }) => sum + seconds, 0);
      assert.ok(own > 0 && own <= scheduleSeconds && scheduleSeconds <= reports[rank].seconds);
    }
    // Of a V, each expert rank passes every microbatch down and up, forward and back.
    const sent = ranks.flatMap(({ messages }) => messages.filter(({ kind }) => kind === 'send'));
    assert.equal(sent.length, 2 * 4 * 2 * 2);
    const { schedule, expert, overlap, layers } = spec;
    const { name, ranks: count, microbatches } = schedule;
    const run = { schedule: { name, ranks: count, microbatches }, expert, overlap, layers };
    const record = recordSteps({ ...run, transport: 'threads', steps: [{ seconds: reports[0].seconds, ranks }] });
    assert.deepEqual(
      record.parts.map(({ part, layer }) => `${part} ${layer}`),
      ['embed 0', ...[0, 1, 2, 3, 4, 5, 6, 7].map((layer) => `layer ${layer}`), 'head 8'],
    );
    const names = record.parts[2].backward.map((segment) => `${segment.name} ${segment.phase}`);
    assert.deepEqual(names, [
      'combine backwardInput',
      'experts backwardInput',
      'experts backwardWeight',
      'dispatch backwardInput',
      'attention backwardInput',
      'attention backwardWeight',
    ]);
  } finally {
    await group.close();
  }
});
