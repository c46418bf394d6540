import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { sumMigration } from './step-times.js';

describe('what moved at the end of a step', () => {
  const migration = { layer: 3, moves: 2, bytes: 100, seconds: 0.5, exposedSeconds: 0.25 };
  const updates = [{ migrationSeconds: 0.25 }, { migrationSeconds: 0 }, { migrationSeconds: 0 }];

  it('is what came to all ranks, as late as it came to the slowest, with what taking it over took', () => {
    const reports = [
      { migration },
      { migration: { ...migration, moves: 1, bytes: 50, seconds: 1, exposedSeconds: 0.375 } },
      { migration: undefined },
    ];
    assert.deepEqual(sumMigration(reports, updates), { moves: 3, bytes: 150, seconds: 1, exposedSeconds: 0.5 });
  });

  it('is nothing where no layer changes', () => {
    const reports = updates.map(() => ({ migration: undefined }));
    assert.equal(sumMigration(reports, updates), undefined);
  });
});
