import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLimits } from './check-limits.js';

const gib = 2 ** 30;
const addresses = (limit: number) => ({ addresses: { limit, used: gib }, threads: undefined });

test('ranks that the limit on addresses has no room for are refused with how much they ask for', () => {
  assert.throws(() => checkLimits([gib, gib], 1, addresses(16 * gib)), {
    message:
      '2 ranks need 24.5 GiB of addresses, and 15.0 GiB are left (ulimit -v 16777216): allow more (ulimit -v 38797312, or unlimited: most of it is never used), or use 1 rank',
  });
  assert.throws(
    () => checkLimits([gib], 1, addresses(8 * gib)),
    /^WorkError: a rank needs 12.3 GiB [^,]+, [^,]+, or unlimited: [^,]+$/,
  );
});

test('what the refusal advises is enough', () => {
  for (const limit of [2, 16, 25].map((size) => size * gib)) {
    let advised = '';
    assert.throws(
      () => checkLimits([gib, gib], 1, addresses(limit)),
      ({ message }: Error) => {
        advised = /ulimit -v (\d+), or unlimited/.exec(message)?.[1] ?? '';
        return true;
      },
    );
    checkLimits([gib, gib], 1, addresses(Number(advised) * 1024));
  }
});

test('threads that the limit has no room for are refused, and without limits all is allowed', () => {
  const threads = { addresses: undefined, threads: { limit: 16, used: 12 } };
  assert.throws(() => checkLimits([gib, gib], 2, threads), /2 ranks need 8 threads, and 4 are left \(ulimit -u 16\)/);
  checkLimits([gib], 1, threads);
  checkLimits([gib, gib, gib], 8, { addresses: undefined, threads: undefined });
});
