import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { placeInOrder } from '../balance/index.js';
import { locateRank, slotsOfRank } from './layout.js';
import type { StepReport, UpdateReport } from './rank.js';
import type { RunSpec } from './spec.js';
import { startRanks } from './start-ranks.js';
import { rateOfFastest } from './step-meter.js';
import { createTestSpec, fillTestBatch, type TestRun } from './test-spec.js';

const [EXPERTS, CHOICES, HIDDEN, LAYERS] = [4, 2, 16, 7];

/** What the ranks say after a second step and an evaluation before it. */
async function measure(run: TestRun, change: Partial<RunSpec> = {}) {
  const spec = { ...createTestSpec(run), ...change };
  const group = await startRanks(spec);
  try {
    await group.call('initialize', 7);
    let reports: StepReport[] = [];
    let updates: UpdateReport[] = [];
    for (const step of [1, 2]) {
      fillTestBatch(spec, step);
      reports = await group.call('computeGradients');
      updates = await group.call('update', step, 1e-2);
      await group.call('evaluate');
    }
    return { spec, reports, updates };
  } finally {
    await group.close();
  }
}

const total = (values: Iterable<number>): number => [...values].reduce((sum, value) => sum + value, 0);

/** Choices of all tokens of a step in one layer. */
const choicesOf = ({ batchMemory }: RunSpec): number => batchMemory.rows * batchMemory.tokens * CHOICES;

/** Rows of all ranks together, by layer. */
function sumRows(reports: readonly StepReport[]): Map<number, number> {
  const sums = new Map<number, number>();
  for (const [layer, rows] of reports.flatMap(({ expertRows }) => [...expertRows]))
    sums.set(layer, (sums.get(layer) ?? 0) + rows);
  return sums;
}

describe("the rows that a rank's experts computed", () => {
  const runs: readonly TestRun[] = [
    { schedule: '1f1b', ranks: 1, microbatches: 3 },
    { schedule: 'dualpipev', ranks: 2, expert: 2, microbatches: 4 },
    { schedule: 'dualpipe', ranks: 2, expert: 2, microbatches: 4, overlap: false },
    { schedule: 'zb-h1', ranks: 2, expert: 4, microbatches: 2 },
  ];
  const spread = { placement: placeInOrder({ layers: LAYERS, experts: EXPERTS, slots: 8 }) };
  for (const run of [...runs, ...runs.slice(1).map((one) => ({ ...one, ...spread }))]) {
    const { schedule, ranks, expert = 1, placement } = run;
    const title = `${schedule} on ${ranks} x ${expert} ranks${placement === undefined ? '' : ' with replicas'}`;
    it(`are each choice of a training step's tokens once: ${title}`, async () => {
      const { spec, reports } = await measure(run);
      const rows = sumRows(reports);
      assert.deepEqual(new Set(rows.keys()), new Set([1, 2, 3, 4, 5, 6, 7]));
      for (const sum of rows.values()) assert.equal(sum, choicesOf(spec));
    });
  }

  it('are the loads of the experts in its slots', async () => {
    const { spec, reports } = await measure({ schedule: '1f1b', ranks: 2, expert: 2, microbatches: 2 });
    const slots = slotsOfRank(spec);
    for (const [rank, { expertRows, expertCounts }] of reports.entries()) {
      const { expertRank } = locateRank(spec, rank);
      for (const [layer, rows] of expertRows) {
        const own = expertCounts.get(layer)?.slice(expertRank * slots, (expertRank + 1) * slots) ?? [];
        assert.equal(rows, total(own), `layer ${layer} of rank ${rank}`);
      }
    }
  });
});

describe('what travels between ranks', () => {
  const run = { schedule: 'dualpipev', ranks: 1, expert: 2, microbatches: 4 } as const;

  it('is nothing where no rank shares experts', async () => {
    const { reports } = await measure({ schedule: 'dualpipev', ranks: 2, microbatches: 4 });
    for (const { linkBytes, linkBytesPerSecond } of reports)
      assert.deepEqual([linkBytes, linkBytesPerSecond], [0, undefined]);
  });

  it('is the rows of experts of other ranks, four times, twice with a weight', async () => {
    const { spec, reports } = await measure(run);
    const bytes = total(reports.map(({ linkBytes }) => linkBytes));
    const rows = bytes / (4 * (4 * HIDDEN + 2));
    assert.ok(Number.isInteger(rows) && rows > 0 && rows < LAYERS * choicesOf(spec), `${rows} rows`);
    const sequential = await measure({ ...run, overlap: false });
    assert.deepEqual(
      sequential.reports.map(({ linkBytes }) => linkBytes),
      reports.map(({ linkBytes }) => linkBytes),
    );
  });

  it('comes no faster than the link is', async () => {
    const bytesPerSecond = 2e6;
    const { reports } = await measure(run, { emulatedBytesPerSecond: bytesPerSecond });
    for (const { linkBytesPerSecond: rate = Infinity } of reports)
      assert.ok(rate > 0 && rate < 1.01 * bytesPerSecond, `${rate} bytes/s`);
  });

  it('has the rate of the fastest tenth of what brought something', () => {
    const waiting = Array.from({ length: 17 }, () => ({ bytes: 100, seconds: 10 }));
    const fast = [
      { bytes: 100, seconds: 1 },
      { bytes: 300, seconds: 1 },
    ];
    const empty = { bytes: 0, seconds: 0.001 };
    assert.equal(rateOfFastest([...waiting, ...fast, empty]), 200);
    assert.equal(rateOfFastest([empty, { bytes: 5, seconds: 0 }]), undefined);
    assert.equal(rateOfFastest([]), undefined);
  });
});

describe("the time of a rank's computing thread", { skip: process.platform !== 'linux' && 'Linux only' }, () => {
  it('is at most the time that went by, and the experts are a part of it', async () => {
    const { reports, updates } = await measure({ schedule: 'dualpipev', ranks: 2, expert: 2, microbatches: 4 });
    // The two clocks tick apart.
    const slack = 1e-3;
    for (const { seconds, computeCpuSeconds = NaN, expertSeconds, expertCpuSeconds = NaN } of reports) {
      assert.ok(computeCpuSeconds > 0 && computeCpuSeconds < seconds + slack, `${computeCpuSeconds} of ${seconds} s`);
      assert.ok(expertCpuSeconds > 0 && expertCpuSeconds < computeCpuSeconds);
      assert.ok(expertSeconds > 0 && expertSeconds < seconds);
    }
    for (const { seconds, computeCpuSeconds = NaN } of updates)
      assert.ok(computeCpuSeconds > 0 && computeCpuSeconds < seconds + slack);
  });

  it('is not told where other threads compute too', async () => {
    const { reports, updates } = await measure({ schedule: '1f1b', ranks: 1, microbatches: 1, computeThreads: 2 });
    for (const { computeCpuSeconds } of [...reports, ...updates]) assert.equal(computeCpuSeconds, undefined);
    assert.deepEqual([reports[0].expertCpuSeconds, reports[0].expertSeconds > 0], [undefined, true]);
  });
});
