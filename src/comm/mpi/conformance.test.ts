import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { conformanceCases } from '../conformance.js';
import { runRanks, skipMpi } from './test-mpiexec.js';

for (const ranks of [1, 2, 3, 4]) {
  describe(`the MPI transport on ${ranks} ranks`, { skip: skipMpi }, () => {
    for (const { name } of conformanceCases) {
      it(name, async () => {
        const { exitCode, output, errors } = await runRanks(ranks, './test-rank.js', { parameters: [name] });
        assert.deepEqual({ exitCode, errors }, { exitCode: 0, errors: '' });
        for (let rank = 0; rank < ranks; rank++)
          assert.match(output, new RegExp(`rank ${rank} of ${ranks} has finished`));
      });
    }
  });
}
