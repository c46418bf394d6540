import { useEffect, useMemo, useState } from 'preact/hooks';
import { formatSeconds, type Problem, problemOf } from '../../../base/index.js';
import { parseTimeline, type StepTimeline } from '../../../formats/browser.js';
import { findUnknownNumber, formatWindow, indexTimeline, parseNumber, parseWindow } from '../../view/index.js';
import { TimelineChart } from '../timeline/index.js';
import { AddressNotice, Busy, CheckField, Notice, Panel, ProblemNotice, setParameters, useRoute } from '../ui/index.js';
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
  const wanted = parseNumber(parameters.step);
  const isFollowed = !steps.includes(wanted);
  const [held, setHeld] = useState<number>();
  const step = isFollowed ? (held ?? steps.at(-1)) : wanted;
  const { timeline, problem } = useTimeline(state, step);
  const newer = held === undefined ? undefined : steps.findLast((one) => one > held);
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
          value={isFollowed}
          onChange={(follows) => setParameters({ step: follows ? '' : String(step) })}
        />
      }
    >
      <AddressNotice
        refusals={findUnknownNumber(
          parameters,
          'step',
          steps,
          'has no timeline that was kept: the last one is followed',
        )}
      />
      <StepSlider steps={steps} step={step} newer={isFollowed ? newer : undefined} />
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {timeline === undefined && problem === undefined ? <Busy what="Reading the timeline" /> : null}
      {timeline === undefined ? null : (
        <Measured
          key={state.source.id}
          timeline={timeline}
          record={record}
          onHold={(isHeld) => setHeld(isHeld ? timeline.step : undefined)}
        />
      )}
    </Panel>
  );
}

/** The steps whose timelines were kept, as a slider. */
function StepSlider({
  steps,
  step,
  newer,
}: {
  readonly steps: readonly number[];
  readonly step: number | undefined;
  /** The step that would be shown if nobody looked at this one. */
  readonly newer: number | undefined;
}) {
  // A step that somebody looks at may be gone from the list.
  const place = step === undefined ? steps.length - 1 : steps.findLastIndex((one) => one <= step);
  return (
    <div class="field">
      <label for="timeline-step">
        {newer === undefined
          ? `Step (${steps.length === 1 ? '1 was' : `${steps.length} were`} kept)`
          : `Step ${step} stays while you look (${newer} is there)`}
      </label>
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
  onHold,
}: {
  readonly timeline: StepTimeline;
  readonly record: RecordedStep | undefined;
  readonly onHold: (isHeld: boolean) => void;
}) {
  const { parameters } = useRoute();
  const measured = useMemo(() => indexTimeline({ unit: 'seconds', ranks: timeline.ranks }), [timeline]);
  const predicted = useMemo(
    () => (record === undefined ? undefined : indexTimeline(record.prediction.timeline)),
    [record],
  );
  // Both have one scale of time, so that their lengths can be compared by eye.
  const span = Math.max(measured.end, predicted?.end ?? 0);
  const window = parseWindow(parameters.window);
  const onWindow = (next: typeof window) => setParameters({ window: formatWindow(next) });
  const shared = { ...(window !== undefined && { window }), onWindow, span, room: 300, tallest: 60 };
  return (
    <div class="stack">
      <TimelineChart
        timeline={measured}
        label={`Step ${timeline.step} as measured`}
        heading={<h3>{`Measured: ${formatSeconds(timeline.seconds)}`}</h3>}
        onHold={onHold}
        {...shared}
      />
      {predicted === undefined || record === undefined ? (
        <p class="note">What the simulator predicts follows once the run has measured a few steps closely.</p>
      ) : (
        <TimelineChart
          timeline={predicted}
          label="A step as predicted"
          heading={
            <h3>{`Predicted by the simulator from the times of the segments: ${formatSeconds(record.prediction.makespan)}`}</h3>
          }
          isSecond
          {...shared}
        />
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
