import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseProcessLimits } from './process-limits.js';

const limits = (
  addresses: string,
  processes: string,
) => `Limit                     Soft Limit           Hard Limit           Units     
Max processes             ${processes.padEnd(20)} 96363                processes 
Max address space         ${addresses.padEnd(20)} unlimited            bytes     
`;
const status = (user: number) =>
  `Name:\tnode\nUid:\t${user}\t${user}\t${user}\t${user}\nVmSize:\t 1048576 kB\nThreads:\t11\n`;

test('limits are read as Linux writes them, soft ones, beside what is used', () => {
  assert.deepEqual(parseProcessLimits(limits('8192000000', '64'), status(1000)), {
    addresses: { limit: 8_192_000_000, used: 2 ** 30 },
    threads: { limit: 64, used: 11 },
  });
});

test('what is unlimited, and threads of root, are no limit', () => {
  const none = { addresses: undefined, threads: undefined };
  assert.deepEqual(parseProcessLimits(limits('unlimited', 'unlimited'), status(1000)), none);
  assert.deepEqual(parseProcessLimits(limits('unlimited', '64'), status(0)), none);
});
