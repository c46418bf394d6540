import { WorkError } from '../base/index.js';
import { describeWait, type Execution, executeUntimed, type FlatSchedule, type Schedule } from '../schedule/index.js';

/** An order in which the actions can run. Throws `WorkError` if the schedule cannot end (naming rank, position, action) or names chunks that do not exist. */
export function requireOrder(schedule: Schedule, flat: FlatSchedule): Int32Array {
  if (flat.outOfRange > 0) {
    throw new WorkError({
      what: `${flat.outOfRange} actions name a stage or microbatch that does not exist`,
      where: schedule.name,
    });
  }
  const run = executeUntimed(flat);
  if (run.count < run.order.length) throw reportDeadlock(schedule, flat, run);
  return run.order;
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
