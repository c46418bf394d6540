import { parseStepRecord } from '../../../formats/browser.js';
import { predictStep, type SegmentSimulation, type StepRecord } from '../../../simulate/index.js';

/** What the segments of a run's steps took, and the step that the simulator makes of them. */
export interface RecordedStep {
  readonly record: StepRecord;
  readonly prediction: SegmentSimulation;
}

/** The record of a run from the text of its `step.json`. Throws as `parseStepRecord` and `predictStep`. */
export function parseRecordedStep(text: string): RecordedStep {
  const record = parseStepRecord(text, 'step.json');
  return { record, prediction: predictStep(record) };
}
