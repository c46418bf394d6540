import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { type Ended, runRanks, skipMpi } from './test-mpiexec.js';

const ranks = 3;

/** Runs ranks that never end by themselves; `act` is called with the process of each rank once all are at work. */
function runEndless(parameter: string, act: (processes: readonly number[]) => void): Promise<Ended> {
  const processes: number[] = [];
  let atWork = 0;
  return runRanks(ranks, './test-rank.js', {
    parameters: ['values are gathered by rank, as often as one likes', parameter],
    limitSeconds: 300,
    onOutput(line) {
      const [, rank, id] = /^rank (\d+) is process (\d+)$/.exec(line) ?? [];
      if (rank !== undefined) processes[Number(rank)] = Number(id);
      if (line.endsWith('is at work') && ++atWork === ranks) act(processes);
    },
  });
}

const parentOf = (process: number): number =>
  Number(/^PPid:\s*(\d+)$/m.exec(readFileSync(`/proc/${process}/status`, 'utf8'))?.[1]);

describe('ranks over MPI', { skip: skipMpi }, () => {
  for (const victim of [0, 2]) {
    it(`all end when rank ${victim} is killed, and say which one it was`, async () => {
      const { exitCode, errors } = await runEndless('works', (processes) => process.kill(processes[victim], 'SIGKILL'));
      const line = `^doubletrack: rank ${victim} was lost: SIGKILL ended its process, as the out-of-memory killer often does$`;
      assert.match(errors, new RegExp(line, 'm'));
      assert.equal(exitCode, 1);
    });
  }

  it('all end when the process that watches over a rank is killed', async () => {
    const { exitCode, errors } = await runEndless('works', (processes) =>
      process.kill(parentOf(processes[1]), 'SIGKILL'),
    );
    assert.match(errors, /^doubletrack: rank 1 was lost: the process that watched over it was killed$/m);
    assert.equal(exitCode, 1);
  });

  it('all end when a rank is not heard of any more, though its process is there', async () => {
    const { exitCode, errors } = await runEndless('works', (processes) => process.kill(processes[1], 'SIGSTOP'));
    assert.match(errors, /^doubletrack: rank 1 was lost: nothing was heard of it for 5 s$/m);
    assert.equal(exitCode, 1);
  });

  it('all end with the cause when a rank fails', async () => {
    const { exitCode, errors } = await runEndless('fails', () => undefined);
    assert.match(errors, /^doubletrack: no number is right \(rank 1\)$/m);
    assert.equal(exitCode, 1);
  });
});
