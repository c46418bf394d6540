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
