import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, it } from 'node:test';
import { skipMpi } from '../src/comm/mpi/test-mpiexec.js';

const soak = (...parameters: string[]) =>
  spawnSync(process.execPath, ['scripts/soak.mjs', ...parameters], { encoding: 'utf8' });

describe('scripts/soak', () => {
  it('finds 5 short MPI runs on one host that end with exit code 0 and the losses of threads, to the bit', {
    skip: skipMpi,
  }, () => {
    const { status, stdout, stderr } = soak('--runs', '5', '--over', 'host');
    assert.equal(status, 0, stdout + stderr);
    assert.match(stdout, /^5 runs: 0 hangs, 0 crashes, 0 wrong exit codes, 0 wrong losses/m);
  });

  it('refuses what is no number of runs, and no place', () => {
    assert.match(soak('--runs', 'many').stderr, /--runs is 'many': write a whole number/);
    assert.match(soak('--over', 'there').stderr, /--over is 'there': write both, host or namespaces/);
    assert.equal(soak('--runs', '0').status, 2);
  });
});
