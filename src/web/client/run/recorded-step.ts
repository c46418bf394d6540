import { formatCount, InputError } from '../../../base/index.js';
import { parseStepRecord } from '../../../formats/browser.js';
import { predictStep, type SegmentSimulation, type StepRecord } from '../../../simulate/index.js';
import { countPredicted } from '../../view/index.js';

/** What the segments of a run's steps took, and the step that the simulator makes of them. */
export interface RecordedStep {
  readonly record: StepRecord;
  readonly prediction: SegmentSimulation;
}

/** Of a longer step the prediction would keep the page from answering for too long. */
const mostParts = 2 ** 18;

/** The record of a run from the text of its `step.json`. Throws as `parseStepRecord` and `predictStep`, and `InputError` for a step that is too long to be predicted here. */
export function parseRecordedStep(text: string): RecordedStep {
  const where = 'step.json';
  const record = parseStepRecord(text, where);
  const parts = countPredicted(record);
  if (parts > mostParts)
    throw new InputError({
      what: `a step of ${formatCount(parts)} parts is too long to be predicted on a page`,
      where,
      mend: 'use doubletrack simulate',
    });
  return { record, prediction: predictStep(record) };
}
