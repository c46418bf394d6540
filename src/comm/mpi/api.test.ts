import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadMpiLibrary } from './library.js';
import { runRanks, skipMpi } from './test-mpiexec.js';

describe('the MPI library', () => {
  it('moves messages of several sizes between shared memories, and gives errors instead of ending the process', {
    skip: skipMpi,
  }, async () => {
    const { exitCode, output, errors } = await runRanks(2, './test-messages.js');
    assert.equal(exitCode, 0, errors);
    for (const rank of [0, 1]) {
      assert.match(
        output,
        new RegExp(
          `rank ${rank} of 2: all right; WorkError: MPI cannot move messages: [^;]*truncated[^;]*; WorkError: MPI cannot send to rank 5: [^;]*[Ii]nvalid rank`,
        ),
      );
    }
  });

  it('says in one line how to install it where it is missing', () => {
    assert.throws(() => loadMpiLibrary(['libnowhere.so.12']), {
      name: 'WorkError',
      message:
        'the MPI library cannot be loaded (libnowhere.so.12): install MPICH, on Debian and Ubuntu by: apt install mpich',
    });
  });
});
