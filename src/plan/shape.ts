import { chunkActions, generateSchedule, type Schedule, type ScheduleRequest } from '../schedule/index.js';

/** How often a stage's chunk, or a pair of two stages' chunks, runs in a step. */
export interface ActionCount {
  readonly kind: 'forward' | 'backward' | 'backwardInput' | 'backwardWeight' | 'overlap';
  /** Of the forward, in a pair. */
  readonly stage: number;
  /** Of the backward of a pair; else the same. */
  readonly partner: number;
  readonly count: number;
}

/** A schedule with what many layouts need to know of it. */
export interface ScheduleShape {
  readonly schedule: Schedule;
  readonly counts: readonly ActionCount[];
  /** `[stage]`: its place in its pipeline. */
  readonly placeOfStage: readonly number[];
}

/** Generates a schedule and counts its actions. Throws as `generateSchedule`. */
export function createShape(request: ScheduleRequest): ScheduleShape {
  const schedule = generateSchedule(request);
  const stages = schedule.stageToRank.length;
  const counts = new Map<string, ActionCount>();
  for (const actions of schedule.actions) {
    for (const action of actions) {
      const [first, second] = chunkActions(action);
      const stage = first?.stage ?? 0;
      const partner = second?.stage ?? stage;
      const key = `${action.kind} ${stage} ${partner}`;
      counts.set(key, { kind: action.kind, stage, partner, count: (counts.get(key)?.count ?? 0) + 1 });
    }
  }
  const placeOfStage = new Array<number>(stages).fill(0);
  for (const pipeline of schedule.pipelines)
    for (const [place, stage] of pipeline.entries()) placeOfStage[stage] = place;
  return { schedule, counts: [...counts.values()], placeOfStage };
}
