import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type RunSummary, summarizeCoreless } from '../train/index.js';
import { formatBubble } from './train-summary.js';

const rank = (exposedCommunication: number, idle: number) => ({
  compute: 1 - exposedCommunication - idle,
  communication: exposedCommunication,
  exposedCommunication,
  idle,
});

function tell(summary: Partial<RunSummary>): string {
  const rest = { steps: 1, lossFirst: 1, lossLast: 1, validationLoss: undefined, tokensPerSecond: 1, ranks: [] };
  return formatBubble({ ...rest, predictedBubble: 0.03, measuredBubble: 0.24, ...summary }).join('\n');
}

describe('why ranks computed less than predicted', () => {
  it('is told with what waiting for a core can explain, and what the rest is', () => {
    const text = tell({ coreless: { computing: 0.12, waiting: 0.1 } });
    assert.match(text, /^not computing: 3\.0% predicted by .*, 24\.0% measured$/m);
    assert.match(
      text,
      /^of the 21\.0% between, at most 10\.0% is waiting for ranks without a core: .*12\.0% of the run$/m,
    );
    assert.match(text, /^the rest: steps that were slower/m);
  });

  it('is all of it where that is enough', () => {
    assert.match(tell({ coreless: { computing: 0.5, waiting: 0.21 } }), /^the 21\.0% between can all be waiting/m);
  });

  it('is not guessed where the system does not tell how long threads had a core', () => {
    assert.match(tell({}), /had no core is not known here$/);
  });

  it('needs no words where prediction and measurement agree', () => {
    assert.equal(tell({ measuredBubble: 0.035, coreless: { computing: 0.1, waiting: 0 } }).split('\n').length, 1);
  });
});

describe('what waiting for a core explains', () => {
  const steps = [{ seconds: 2, computeSeconds: [1, 1.5], computeCpuSeconds: [0.9, 0.5] }];

  it('is no more than the others had none, and no more than a rank waited beyond the prediction', () => {
    const { coreless } = summarizeCoreless(steps, [rank(0.1, 0.4), rank(0, 0.25)], 0.1);
    // Rank 0 had no core for 0.05 of the run, rank 1 for 0.5; they waited 0.4 and 0.15 longer than predicted.
    assert.ok(Math.abs((coreless?.computing ?? 0) - 0.275) < 1e-12);
    assert.ok(Math.abs((coreless?.waiting ?? 0) - (0.4 + 0.05) / 2) < 1e-12);
  });

  it('is not known if a step does not say it', () => {
    assert.deepEqual(summarizeCoreless([{ seconds: 1, computeSeconds: [1] }], [rank(0, 0)], 0), {});
  });
});
