import { useEffect, useState } from 'preact/hooks';
import { parseStepRecord } from '../../../formats/browser.js';
import { predictStep, type SegmentSimulation, type StepRecord } from '../../../simulate/index.js';
import type { RunState } from './use-runs.js';

/** What the segments of a run's steps took, and the step that the simulator makes of them. */
export interface RecordedStep {
  readonly record: StepRecord;
  readonly prediction: SegmentSimulation;
}

/** The record of a run, read anew whenever it is written; undefined as long as there is none, or one that cannot be read. */
export function useRecord(state: RunState | undefined): RecordedStep | undefined {
  const [recorded, setRecorded] = useState<RecordedStep>();
  const source = state?.source;
  const version = state?.folder?.record ?? '';
  useEffect(() => setRecorded(undefined), [source]);
  useEffect(() => {
    if (source === undefined || version === '') return;
    let isOver = false;
    source
      .read({ kind: 'record' })
      .then((text) => {
        if (isOver || text === undefined) return;
        const record = parseStepRecord(text, 'step.json');
        setRecorded({ record, prediction: predictStep(record) });
      })
      // A record of another version only lacks the prediction; the rest of the view is as good without.
      .catch(() => setRecorded(undefined));
    return () => {
      isOver = true;
    };
  }, [source, version]);
  return recorded;
}
