import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { type RaceOptions, type RaceProgress, raceCandidates, rankTrials, type Trial } from './race.js';

/** A candidate: seconds of a step, or none if it fails. */
type Runner = number | undefined;

const startSeconds = 1;

/** A race on a clock of its own, which runs on by what is measured. */
async function race(candidates: readonly Runner[], seconds: number, rest: Partial<RaceOptions<Runner>> = {}) {
  let time = 100;
  const runs: RaceProgress<Runner>[] = [];
  const trials = await raceCandidates<Runner>({
    candidates,
    seconds,
    clock: () => time,
    challenge: () => undefined,
    onRun: (run) => runs.push(run),
    measure: (candidate, limit) => {
      time += startSeconds;
      if (candidate === undefined) return Promise.resolve({ failure: 'it fails' });
      const steps = Math.max(2, Math.floor((limit - startSeconds) / candidate));
      time += steps * candidate;
      return Promise.resolve({ stepSeconds: new Array<number>(steps).fill(candidate), peakMemoryBytes: steps });
    },
    ...rest,
  });
  const [fastest] = rankTrials(trials.map((trial) => ({ trial })));
  return { trials, runs, fastest: fastest?.trial.candidate, seconds: time - 100 };
}

const steps = ({ stepSeconds }: Trial<Runner>) => stepSeconds.length;
const speeds = fc.array(fc.option(fc.double({ min: 0.01, max: 0.4, noNaN: true }), { nil: undefined }), {
  minLength: 1,
  maxLength: 40,
});

describe('a race of candidates', () => {
  it('with time for all finds the fastest, which no other is measured three times as long as', async () => {
    await fc.assert(
      fc.asyncProperty(speeds, async (candidates) => {
        const { trials, fastest } = await race(candidates, 2000);
        const running = candidates.filter((candidate) => candidate !== undefined);
        assert.equal(fastest, running.length === 0 ? undefined : Math.min(...running));
        const rounds = (trial: Trial<Runner>) => (trial.candidate === undefined ? 0 : steps(trial) * trial.candidate);
        if (fastest === undefined) return;
        const most = Math.max(...trials.filter(({ candidate }) => candidate === fastest).map(rounds));
        // The last round halves half of the time; what failures leave of the first round may go to a single one.
        assert.ok(trials.every((trial) => rounds(trial) < 3 * most + startSeconds));
      }),
    );
  });

  it('ends about when it should, and gives every candidate of a round the same time', async () => {
    await fc.assert(
      fc.asyncProperty(speeds, fc.integer({ min: 10, max: 500 }), async (candidates, limit) => {
        const { seconds, runs } = await race(candidates, limit);
        // The last run may be one of two steps that starts just before the end; the first two run in any case.
        assert.ok(seconds <= limit + 2 * (startSeconds + 2 * 0.4), `${seconds} of ${limit}`);
        for (const { run, runs: all, round } of runs) assert.ok(run <= all && round >= 1);
      }),
    );
  });

  it('lets the first run in every round, however slow it is, and others no more once half are better', async () => {
    const { trials, runs } = await race([0.4, 0.1, 0.2, 0.3, 0.11, 0.12, 0.13, 0.14], 400);
    const roundsOf = (candidate: number) =>
      runs.filter(({ trial }) => trial.candidate === candidate).map(({ round }) => round);
    const last = Math.max(...runs.map(({ round }) => round));
    assert.deepEqual(
      roundsOf(0.4),
      Array.from({ length: last }, (_, index) => index + 1),
    );
    assert.deepEqual(roundsOf(0.3), [1]);
    assert.deepEqual(roundsOf(0.1).at(-1), last);
    assert.ok(steps(trials[1]!) > 4 * steps(trials[2]!));
  });

  it('takes a challenger of the fastest into the last round alone', async () => {
    const asked: Runner[] = [];
    const challenge = (fastest: Runner) => {
      asked.push(fastest);
      return 0.05;
    };
    const { fastest, trials, runs } = await race([0.4, 0.1, 0.2, 0.3, 0.35], 200, { challenge });
    assert.deepEqual(asked, [0.1]);
    assert.equal(fastest, 0.05);
    assert.equal(trials.length, 6);
    assert.equal(runs.filter(({ trial }) => trial.candidate === 0.05).length, 1);
  });

  it('goes on without candidates that fail, and keeps why', async () => {
    const { trials, fastest, runs } = await race([undefined, 0.2, undefined, 0.1], 100);
    assert.equal(fastest, 0.1);
    assert.deepEqual(
      trials.map(({ failure }) => failure),
      ['it fails', undefined, 'it fails', undefined],
    );
    assert.equal(runs.filter(({ trial }) => trial.failure !== undefined).length, 2);
  });

  it('without time measures two, and leaves the others without steps', async () => {
    const { trials } = await race([0.4, 0.3, 0.2, 0.1], 1);
    assert.deepEqual(
      trials.map((trial) => steps(trial) > 0),
      [true, true, false, false],
    );
  });
});
