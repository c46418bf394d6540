import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createTournament } from './tournament.js';

test('the winner is the first of the least times, after every change', () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 5 })), { minLength: 1 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 20 }), changes, (count, list) => {
      const times = new Array<number>(count).fill(Number.POSITIVE_INFINITY);
      const tournament = createTournament(count);
      for (const [index, time] of list) {
        times[index % count] = time;
        tournament.set(index % count, time);
        assert.equal(tournament.winner(), times.indexOf(Math.min(...times)));
      }
    }),
  );
});
