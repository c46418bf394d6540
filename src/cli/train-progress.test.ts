import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { defaultTrainingConfig, type TrainingConfig } from '../config/index.js';
import type { StepMetrics } from '../formats/index.js';
import type { TrainingEvent } from '../train/index.js';
import { formatStart, formatStep } from './train-progress.js';

function configOf(pipeline: number, expert: number, text: readonly string[] = []): TrainingConfig {
  const { parallel, data } = defaultTrainingConfig;
  return { ...defaultTrainingConfig, parallel: { ...parallel, pipeline, expert }, data: { ...data, text } };
}

const metrics: StepMetrics = {
  ...{ step: 40, loss: 2.5, gradNorm: 1, learningRate: 1, tokens: 100, seconds: 0.5, tokensPerSecond: 200 },
  ...{ gflops: 21.3, peakMemoryBytes: 2 ** 29, balancedness: 1, rankBalancedness: 1, moves: 0 },
  ...{ computeSeconds: [0], communicationSeconds: [0], exposedCommunicationSeconds: [0], idleSeconds: [0] },
  ...{ rankLoads: [30, 10], expertSeconds: [0] },
};

describe('the line of a step', () => {
  it('says where the run is, how fast, how much of the machine that is, and how long it takes', () => {
    assert.equal(
      formatStep([metrics], configOf(2, 1), 200),
      'step 40/600  loss 2.5000  200 tokens/s  21.3 GFLOP/s  512 MiB memory  4 min 40 s left',
    );
    assert.match(
      formatStep([{ ...metrics, mfu: 0.35 }], configOf(2, 1), 200),
      / 21\.3 GFLOP\/s, MFU 35\.0% {2}512 MiB/,
    );
    assert.match(formatStep([metrics], configOf(1, 2), 200), / {2}ranks 1\.50x {2}/);
  });

  it('fits into any terminal, and ends with the time that is left as long as that fits', () => {
    for (let width = 0; width <= 120; width++) {
      const line = formatStep([metrics], configOf(1, 2), width);
      assert.ok(line.length <= width, `${line.length} letters in ${width} columns`);
      assert.equal(line.endsWith('left'), width >= 'step 40/600  loss 2.5000  4 min 40 s left'.length);
    }
  });

  it('keeps the MFU where there is no room for GFLOP/s', () => {
    assert.equal(
      formatStep([{ ...metrics, tokensPerSecond: 1441, mfu: 0.1112 }], configOf(2, 1), 79),
      'step 40/600  loss 2.5000  1441 tokens/s  MFU 11.1%  4 min 40 s left',
    );
  });

  it('tells the time that is left by all last steps, not by the very last one', () => {
    const history = Array.from({ length: 30 }, (_, index) => ({ ...metrics, seconds: index % 8 === 5 ? 5 : 0.5 }));
    assert.match(formatStep(history, configOf(2, 1), 200), /4 min 40 s left$/);
  });
});

describe('the first lines of a run', () => {
  const corpus = { training: new Int32Array(5000), bytes: 12_288 };
  const start = (microbatches: number, folder = 'r') =>
    ({
      kind: 'start',
      spec: { schedule: { name: '1f1b', microbatches } },
      corpus,
      folder,
      firstStep: 1,
      pinningObstacle: undefined,
    }) as unknown as Extract<TrainingEvent, { kind: 'start' }>;

  it('name the run, and how to watch it, first', () => {
    const [first] = formatStart(start(8, 'runs/my run'), configOf(2, 1));
    assert.match(first, /^run runs\/my run · watch: .+ serve --run 'runs\/my run'$/);
  });

  for (const [pipeline, expert, microbatches, words] of [
    [1, 1, 1, '1f1b, 1 rank, 1 microbatch;'],
    [2, 1, 8, '1f1b, 2 ranks, 8 microbatches;'],
    [1, 2, 8, '1f1b, 2 ranks (pipeline 1 x expert 2), 8 microbatches;'],
    [2, 4, 8, '1f1b, 8 ranks (pipeline 2 x expert 4), 8 microbatches;'],
  ] as const) {
    it(`count pipeline ${pipeline} x expert ${expert} as ${pipeline * expert}`, () => {
      assert.ok(formatStart(start(microbatches), configOf(pipeline, expert))[1].includes(words));
    });
  }

  it('say how many files and bytes the text is', () => {
    const [, line] = formatStart(start(8), configOf(2, 1, ['a', 'b']));
    assert.ok(line.includes('5.000 k training tokens from 2 files (12.0 KiB);'), line);
    assert.ok(!formatStart(start(8), configOf(2, 1))[1].includes('file'));
  });
});
