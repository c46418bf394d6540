import { join } from 'node:path';
import { formatRate, formatSeconds } from '../base/index.js';
import { readStepRecord, readTrainingConfig } from '../formats/index.js';
import { describeSchedule } from '../schedule/index.js';
import type { StepRecord } from '../simulate/index.js';
import { type PredictionRequest, predictRun, type StepPrediction } from '../train/index.js';
import { type PrintedSimulation, roundTime } from './simulate-output.js';

/** The files of a run that are read to predict its step. */
export function readOfRun(folder: string): readonly [record: string, config: string] {
  return [join(folder, 'step.json'), join(folder, 'config.toml')];
}

/**
 * Predicts the step of the run in `folder` from its `step.json` and `config.toml`, and where something is asked for that the run did not have, the step
 * with that. Throws `InputError` for files that are none, and for a schedule that the run's ranks or model do not allow.
 */
export function replayRun(folder: string, request: PredictionRequest): PrintedSimulation {
  const [recordFile, configFile] = readOfRun(folder);
  const record = readStepRecord(recordFile);
  const config = readTrainingConfig(configFile);
  const own = predictRun(record, config);
  const isOther = Object.keys(request).length > 0;
  const shown = isOther ? predictRun(record, config, request) : own;
  const { makespan, compute, exposedCommunication, peakActivations, timeline } = shown.simulation;
  const idle = compute.map((time) => makespan - time);
  return {
    title: describePrediction(shown, record),
    isInSeconds: true,
    makespan,
    busy: compute,
    idle,
    bubble: makespan === 0 ? 0 : idle.reduce((sum, time) => sum + time, 0) / (makespan * idle.length),
    peakActivations,
    exposedCommunication,
    timeline: () => timeline,
    findings: {
      lines: [...compareWithRun(own, record), ...(isOther ? [predictOther(shown, own, record)] : []), ...label(record)],
      json: {
        measured: roundTime(record.stepSeconds),
        predicted: roundTime(own.simulation.makespan),
        ...(record.emulatedBytesPerSecond !== undefined && { emulatedBytesPerSecond: record.emulatedBytesPerSecond }),
      },
    },
  };
}

function describePrediction({ schedule, overlap }: StepPrediction, { expert, transport }: StepRecord): string {
  const experts = expert === 1 ? '' : ` x ${expert} expert ranks`;
  return `${describeSchedule(schedule)}${experts}, ${transport}, overlap ${overlap ? 'on' : 'off'}`;
}

function compareWithRun(own: StepPrediction, { stepSeconds, steps }: StepRecord): string[] {
  const { makespan } = own.simulation;
  const medianOf = steps === 1 ? 'one step' : `median of ${steps} steps`;
  return [
    `the run's step: measured ${formatSeconds(stepSeconds)} (${medianOf}), predicted ${formatSeconds(makespan)} (${formatDifference(makespan, stepSeconds)})`,
  ];
}

function predictOther(shown: StepPrediction, own: StepPrediction, record: StepRecord): string {
  const { makespan } = shown.simulation;
  const difference = formatDifference(makespan, own.simulation.makespan);
  return `${describePrediction(shown, record)}: predicted ${formatSeconds(makespan)} (${difference} against the run's predicted step)`;
}

/** `+1.3%`: how much more `value` is than `base`. */
function formatDifference(value: number, base: number): string {
  if (base === 0) return value === 0 ? '+0.0%' : 'more than nothing';
  const percent = (100 * (value - base)) / base;
  return `${percent < 0 ? '' : '+'}${percent.toFixed(1)}%`;
}

function label({ emulatedBytesPerSecond }: StepRecord): string[] {
  if (emulatedBytesPerSecond === undefined) return [];
  return [`emulated link of ${formatRate(emulatedBytesPerSecond, 'B')}: the times are of that link`];
}
