import { WorkError } from '../base/index.js';
import { describeWait, type Execution, executeUntimed, type FlatSchedule, type Schedule } from '../schedule/index.js';

/** Throws `WorkError` if the schedule cannot end (naming rank, position, action) or names chunks that do not exist. */
export function requireEnd(schedule: Schedule, flat: FlatSchedule): void {
  requireRange(schedule, flat);
  const run = executeUntimed(flat);
  if (run.count < run.order.length) throw reportDeadlock(schedule, flat, run);
}

/** Throws `WorkError` if the schedule names chunks that do not exist. */
export function requireRange({ name }: Schedule, { outOfRange }: FlatSchedule): void {
  if (outOfRange === 0) return;
  throw new WorkError({ what: `${outOfRange} actions name a stage or microbatch that does not exist`, where: name });
}

/** The error of a schedule that cannot end. */
export function explainDeadlock(schedule: Schedule, flat: FlatSchedule): WorkError {
  return reportDeadlock(schedule, flat, executeUntimed(flat));
}

function reportDeadlock(schedule: Schedule, flat: FlatSchedule, { stoppedAt, done }: Execution): WorkError {
  const rank = stoppedAt.findIndex((action, index) => action !== flat.rankStart[index + 1]);
  const action = stoppedAt[rank] as number;
  return new WorkError({
    what: `the schedule deadlocks: ${describeWait(schedule, flat, done, action)}`,
    where: `rank ${rank}, position ${action - (flat.rankStart[rank] as number)}`,
    mend: 'put what it waits for earlier',
  });
}
