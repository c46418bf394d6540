import type { MigrationMetrics } from '../formats/index.js';
import type { StepReport, UpdateReport } from '../runtime/index.js';

/** Seconds by rank: computing, communication that nothing hid and idle time sum to the step's. */
export function shareTime(reports: readonly StepReport[], updates: readonly UpdateReport[], seconds: number) {
  const communicationSeconds = reports.map(({ time }) => time.communication);
  const computeSeconds = reports.map(({ time }, rank) => time.compute + updates[rank].seconds);
  const exposedCommunicationSeconds = reports.map(({ time }) => time.exposedCommunication);
  const idleSeconds = reports.map((_, rank) =>
    Math.max(0, seconds - computeSeconds[rank] - exposedCommunicationSeconds[rank]),
  );
  const computeCpuSeconds = ofAll(reports, ({ computeCpuSeconds }, rank) => {
    const ofUpdate = updates[rank].computeCpuSeconds;
    return computeCpuSeconds === undefined || ofUpdate === undefined ? undefined : computeCpuSeconds + ofUpdate;
  });
  const expertCpuSeconds = ofAll(reports, (report) => report.expertCpuSeconds);
  return {
    computeSeconds,
    communicationSeconds,
    exposedCommunicationSeconds,
    idleSeconds,
    ...(computeCpuSeconds !== undefined && { computeCpuSeconds }),
    expertSeconds: reports.map(({ expertSeconds }) => expertSeconds),
    ...(expertCpuSeconds !== undefined && { expertCpuSeconds }),
  };
}

/** A number of every rank; undefined unless all have one. */
function ofAll(
  reports: readonly StepReport[],
  pick: (report: StepReport, rank: number) => number | undefined,
): number[] | undefined {
  const values = reports.flatMap((report, rank) => pick(report, rank) ?? []);
  return values.length === reports.length ? values : undefined;
}

/** What moved at the end of a step, on all ranks; undefined where no layer went over to another placement. */
export function sumMigration(
  reports: readonly Pick<StepReport, 'migration'>[],
  updates: readonly Pick<UpdateReport, 'migrationSeconds'>[],
): MigrationMetrics | undefined {
  const moved = reports.flatMap(({ migration }, rank) =>
    migration === undefined ? [] : [{ ...migration, applySeconds: updates[rank].migrationSeconds }],
  );
  if (moved.length === 0) return undefined;
  return {
    moves: moved.reduce((sum, { moves }) => sum + moves, 0),
    bytes: moved.reduce((sum, { bytes }) => sum + bytes, 0),
    seconds: Math.max(...moved.map(({ seconds }) => seconds)),
    exposedSeconds: Math.max(...moved.map(({ exposedSeconds, applySeconds }) => exposedSeconds + applySeconds)),
  };
}
