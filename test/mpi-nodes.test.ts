import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { runRanks, skipMpi } from '../src/comm/mpi/test-mpiexec.js';

describe('the ranks of one machine', { skip: skipMpi }, () => {
  it('all know that they are on one node', async () => {
    const { exitCode, output, errors } = await runRanks(4, '../../../test/mpi-nodes-rank.js');
    assert.equal(exitCode, 0, errors);
    assert.deepEqual(output.trim().split('\n'), new Array(4).fill('nodes 0,0,0,0'));
  });
});
