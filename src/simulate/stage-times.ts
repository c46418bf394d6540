import { InputError } from '../base/index.js';
import type { Schedule } from '../schedule/index.js';
import type { MessageTime, PartTimes, SegmentTime, StepRecord } from './step-record.js';

/** A segment of a stage with its time; `layer` tells the layers of a stage apart. */
export type StageSegment = SegmentTime & { readonly layer: number };

/** The segments of one stage, in the order of a chunk. */
export interface StageTimes {
  readonly forward: readonly StageSegment[];
  readonly backward: readonly StageSegment[];
}

/** What a step is made of, for one schedule. */
export interface StepTimes {
  readonly expert: number;
  /** By the schedule's stage numbers. */
  readonly stages: readonly StageTimes[];
  readonly message: MessageTime;
  /** What all ranks do together after the schedule. */
  readonly tailSeconds: number;
}

/**
 * The times of a schedule's stages, put together from a record's layers. `layers[i]` is what the i-th stage of each pipeline holds; the stage with
 * layer 0 has the embedding, the stage with the last layer the head. Throws `InputError` if the record lacks a layer, or the layers are not all of them.
 */
export function composeTimes(
  record: StepRecord,
  schedule: Pick<Schedule, 'pipelines' | 'stageToRank'>,
  layers: StepRecord['layers'],
): StepTimes {
  const stages: StageTimes[] = schedule.stageToRank.map(() => ({ forward: [], backward: [] }));
  for (const pipeline of schedule.pipelines) {
    if (pipeline.length !== layers.length) {
      throw new InputError({ what: `${layers.length} runs of layers do not fit ${pipeline.length} stages` });
    }
    for (const [position, stage] of pipeline.entries()) stages[stage] = composeStage(record.parts, layers[position]);
  }
  return { expert: record.expert, stages, message: record.message, tailSeconds: record.tailSeconds };
}

function composeStage(parts: readonly PartTimes[], { first, end }: { first: number; end: number }): StageTimes {
  const last = Math.max(...parts.map(({ part, layer }) => (part === 'layer' ? layer : 0)));
  const isOwn = ({ part, layer }: PartTimes): boolean => {
    if (part === 'embed') return first === 0;
    return part === 'head' ? end === last + 1 : layer >= first && layer < end;
  };
  const own = parts.filter(isOwn);
  const layers = own.filter(({ part }) => part === 'layer').length;
  if (layers !== end - first) {
    throw new InputError({
      what: `times of ${layers} of the ${end - first} layers ${first} to ${end - 1} were recorded`,
      mend: 'use the record and the config of one run',
    });
  }
  const ofLayer = (list: readonly SegmentTime[], layer: number) => list.map((segment) => ({ ...segment, layer }));
  return {
    forward: own.flatMap(({ forward, layer }) => ofLayer(forward, layer)),
    backward: own.toReversed().flatMap(({ backward, layer }) => ofLayer(backward, layer)),
  };
}
