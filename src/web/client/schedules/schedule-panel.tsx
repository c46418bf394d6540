import { useMemo, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../../../base/index.js';
import { describeSchedule } from '../../../schedule/index.js';
import {
  type ExportFormat,
  exportPicture,
  formatActivations,
  type SchedulePicture,
  type TimeWindow,
} from '../../view/index.js';
import { describeTime, TimelineChart } from '../timeline/index.js';
import { DataTable, downloadText, Panel, ProblemNotice } from '../ui/index.js';
import { MemoryChart, PeakBars } from './memory-chart.js';

export interface SchedulePanelProps {
  readonly picture: SchedulePicture;
  /** How it came about, where there is something to tell. */
  readonly note: string | undefined;
  readonly rank: number;
  readonly window: TimeWindow | undefined;
  readonly onWindow: (window: TimeWindow | undefined) => void;
  /** Where the axis of time ends. */
  readonly span: number;
  /** The most activations of any rank of all schedules that are shown. */
  readonly most: number;
}

const exportWords: readonly { readonly format: ExportFormat; readonly words: string; readonly title: string }[] = [
  { format: 'svg', words: 'SVG', title: 'a picture' },
  { format: 'csv', words: 'CSV', title: "PyTorch's schedule file" },
  { format: 'trace', words: 'Trace', title: 'for Perfetto' },
];

/** A schedule's timeline and memory, and how to take it along. */
export function SchedulePanel({ picture, note, rank, window, onWindow, span, most }: SchedulePanelProps) {
  const [problem, setProblem] = useState<Problem>();
  const save = (format: ExportFormat) => {
    try {
      const { name, text, type } = exportPicture(picture, format);
      downloadText(name, text, type);
      setProblem(undefined);
    } catch (error) {
      setProblem(problemOf(error));
    }
  };
  const title = describeSchedule(picture.schedule);
  return (
    <Panel
      title={title}
      note={note}
      actions={exportWords.map(({ format, words, title: hint }) => (
        <button
          key={format}
          type="button"
          title={hint}
          aria-label={`${words} of ${picture.name}, ${hint}`}
          onClick={() => save(format)}
        >
          {words}
        </button>
      ))}
    >
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      <TimelineChart
        timeline={picture.indexed}
        label={`Timeline of ${title}`}
        {...(window !== undefined && { window })}
        onWindow={onWindow}
        span={span}
      />
      <MemoryChart picture={picture} rank={rank} window={window} span={span} most={most} />
      <PeakBars picture={picture} rank={rank} most={most} />
      <RankTable picture={picture} />
    </Panel>
  );
}

const columns = [
  'rank',
  'computing',
  'warm-up',
  'waiting for a peer',
  'exposed communication',
  'cool-down',
  'most activations',
];

/** The figures of every rank, made when somebody asks for them. */
function RankTable({ picture }: { readonly picture: SchedulePicture }) {
  const [isOpen, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>Figures of every rank</summary>
      {isOpen ? <RankRows picture={picture} /> : null}
    </details>
  );
}

function RankRows({ picture }: { readonly picture: SchedulePicture }) {
  const { simulation, peakActivations, indexed, name } = picture;
  const rows = useMemo(() => {
    const { warmUp, waiting, exposedCommunication, coolDown } = simulation.idleByCause;
    const times = [simulation.busy, warmUp, waiting, exposedCommunication, coolDown];
    return peakActivations.map((peak, rank) => ({
      key: String(rank),
      cells: [rank, ...times.map((list) => describeTime(list[rank] ?? 0, indexed.unit)), formatActivations(peak)],
    }));
  }, [simulation, peakActivations, indexed.unit]);
  return (
    <DataTable
      caption={`Figures of every rank under ${name}`}
      columns={columns.map((column, place) => ({ name: column, isNumber: place > 0 }))}
      rows={rows}
    />
  );
}
