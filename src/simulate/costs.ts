import { InputError } from '../base/index.js';

/** Every chunk's time, or each stage's. */
export type StageTime = number | readonly number[];

/** How long things take, in any one unit. A full backward takes the input's and the weights' time together. */
export interface Costs {
  readonly forward: StageTime;
  readonly backwardInput: StageTime;
  readonly backwardWeight: StageTime;
  /** Of a whole overlapped pair (by the stage of its forward): without it, the sum of its forward and its backward. */
  readonly overlapped?: StageTime;
  /** Of one message between neighbouring stages on different ranks. */
  readonly p2p: number;
}

/** Each part takes one unit, overlapping gains nothing, messages take no time. */
export const unitCosts: Costs = { forward: 1, backwardInput: 1, backwardWeight: 1, p2p: 0 };

/** The longest time of a part: beyond it sums would lose their precision. */
export const longestTime = 1e12;

/** Costs as tables, `[stages]`. */
export interface StageCosts {
  readonly forward: Float64Array;
  readonly backward: Float64Array;
  readonly backwardInput: Float64Array;
  readonly backwardWeight: Float64Array;
  /** By the stage of the forward; undefined: the sum of the parts. */
  readonly overlapped: Float64Array | undefined;
  readonly p2p: number;
}

/** Spreads costs over `stages`. Throws `InputError` if a time is not a number from 0, or a list has not one entry a stage. */
export function costsByStage(costs: Costs, stages: number): StageCosts {
  const backwardInput = spread('backwardInput', costs.backwardInput, stages);
  const backwardWeight = spread('backwardWeight', costs.backwardWeight, stages);
  return {
    forward: spread('forward', costs.forward, stages),
    backward: backwardInput.map((time, stage) => time + (backwardWeight[stage] as number)),
    backwardInput,
    backwardWeight,
    overlapped: costs.overlapped === undefined ? undefined : spread('overlapped', costs.overlapped, stages),
    p2p: requireTime('p2p', costs.p2p),
  };
}

function spread(name: string, time: StageTime, stages: number): Float64Array {
  if (typeof time === 'number') return new Float64Array(stages).fill(requireTime(name, time));
  if (time.length !== stages) {
    throw new InputError({
      what: `${name} lists ${time.length} times for ${stages} stages`,
      mend: 'give one number, or one a stage',
    });
  }
  return Float64Array.from(time, (value, stage) => requireTime(`${name}[${stage}]`, value));
}

function requireTime(name: string, time: number): number {
  if (typeof time === 'number' && time >= 0 && time <= longestTime) return time;
  throw new InputError({ what: `${name} cannot take ${time}`, mend: `use a number from 0 to ${longestTime}` });
}
