import { useEffect, useMemo, useState } from 'preact/hooks';
import { formatSeconds, type Problem, problemOf } from '../../../base/index.js';
import { parseTimeline, type StepTimeline } from '../../../formats/browser.js';
import { formatWindow, indexTimeline, parseWindow } from '../../view/index.js';
import { TimelineChart } from '../timeline/index.js';
import { Busy, CheckField, Notice, Panel, ProblemNotice, setParameters, useRoute } from '../ui/index.js';
import type { RecordedStep } from './recorded-step.js';
import type { RunState } from './use-runs.js';

/** The two tracks of every rank in a step: the last one, or one that the person chooses, and what the simulator predicts for it. */
export function TimelinePanel({
  state,
  record,
}: {
  readonly state: RunState;
  readonly record: RecordedStep | undefined;
}) {
  const { parameters } = useRoute();
  const steps = state.folder?.timelines ?? [];
  const wanted = Number(parameters.step ?? Number.NaN);
  const step = steps.includes(wanted) ? wanted : steps.at(-1);
  const isLast = step !== wanted;
  const { timeline, problem } = useTimeline(state, step);
  if (steps.length === 0)
    return (
      <Panel title="Timeline">
        <Notice tone="info" title="No timeline of a step is there yet" />
      </Panel>
    );
  return (
    <Panel
      title={timeline === undefined ? 'Timeline' : `Timeline of step ${timeline.step}`}
      actions={
        <CheckField
          label="Follow the last step"
          value={isLast}
          onChange={(follows) => setParameters({ step: follows ? '' : String(step) })}
        />
      }
    >
      <StepSlider steps={steps} step={step} />
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {timeline === undefined ? <Busy what="Reading the timeline" /> : <Measured timeline={timeline} record={record} />}
    </Panel>
  );
}

/** The steps whose timelines were kept, as a slider. */
function StepSlider({ steps, step }: { readonly steps: readonly number[]; readonly step: number | undefined }) {
  const place = step === undefined ? steps.length - 1 : steps.indexOf(step);
  return (
    <div class="field">
      <label for="timeline-step">{`Step (${steps.length} of them were kept)`}</label>
      <div class="field-inputs">
        <input
          id="timeline-step"
          type="range"
          min={0}
          max={Math.max(0, steps.length - 1)}
          value={place}
          aria-valuetext={`step ${step ?? '–'}`}
          onInput={(event) => setParameters({ step: String(steps[Number(event.currentTarget.value)] ?? '') })}
        />
        <output for="timeline-step">{step}</output>
      </div>
    </div>
  );
}

function Measured({
  timeline,
  record,
}: {
  readonly timeline: StepTimeline;
  readonly record: RecordedStep | undefined;
}) {
  const { parameters } = useRoute();
  const measured = useMemo(() => indexTimeline({ unit: 'seconds', ranks: timeline.ranks }), [timeline]);
  const predicted = useMemo(
    () => (record === undefined ? undefined : indexTimeline(record.prediction.timeline)),
    [record],
  );
  // Both have one scale of time, so that their lengths can be compared by eye.
  const end = Math.max(measured.end, predicted?.end ?? 0);
  const window = parseWindow(parameters.window);
  const onWindow = (next: typeof window) => setParameters({ window: formatWindow(next) });
  const shared = { ...(window !== undefined && { window }), onWindow };
  return (
    <div class="stack">
      <h3>{`Measured: ${formatSeconds(timeline.seconds)}`}</h3>
      <TimelineChart
        timeline={{ ...measured, end }}
        label={`Step ${timeline.step} as measured`}
        {...shared}
        room={300}
      />
      {predicted === undefined || record === undefined ? (
        <p class="note">What the simulator predicts follows once the run has measured a few steps closely.</p>
      ) : (
        <>
          <h3>{`Predicted by the simulator from the times of the segments: ${formatSeconds(record.prediction.makespan)}`}</h3>
          <TimelineChart timeline={{ ...predicted, end }} label="A step as predicted" {...shared} room={300} />
        </>
      )}
    </div>
  );
}

/** The timeline of a step; the one before it is shown until it has come. */
function useTimeline({ source }: RunState, step: number | undefined) {
  const [timeline, setTimeline] = useState<StepTimeline>();
  const [problem, setProblem] = useState<Problem>();
  useEffect(() => {
    setTimeline(undefined);
    setProblem(undefined);
  }, [source]);
  useEffect(() => {
    if (step === undefined) return;
    let isOver = false;
    source
      .read({ kind: 'timeline', step })
      .then((text) => {
        // A step between two that are kept goes when the next one comes.
        if (isOver || text === undefined) return;
        setTimeline(parseTimeline(text, `timelines/${step}.json`));
        setProblem(undefined);
      })
      .catch((error: unknown) => {
        if (!isOver) setProblem(problemOf(error));
      });
    return () => {
      isOver = true;
    };
  }, [source, step]);
  return { timeline, problem };
}
