import { useMemo } from 'preact/hooks';
import { kindStyles } from '../../../draw/index.js';
import { type Area, type AreaRow, type IndexedTimeline, sumArea } from '../../view/index.js';
import { DataTable } from '../ui/index.js';
import { describeTime } from './draw-frame.js';

const columns = [
  { name: 'what' },
  { name: 'lane' },
  { name: 'events', isNumber: true },
  { name: 'total', isNumber: true },
  { name: 'share', isNumber: true },
  { name: 'mean', isNumber: true },
  { name: 'longest', isNumber: true },
];

/** What the ranks do in a span of time: counts and sums by kind and lane. */
export function AreaTable({
  timeline,
  area,
  onClear,
}: {
  readonly timeline: IndexedTimeline;
  readonly area: Area;
  readonly onClear: () => void;
}) {
  const rows = useMemo(() => sumArea(timeline, area), [timeline, area]);
  const say = (time: number) => describeTime(time, timeline.unit);
  const ranks = area.lastRank - area.firstRank + 1;
  const of = ranks === 1 ? `rank ${area.firstRank}` : `ranks ${area.firstRank} to ${area.lastRank}`;
  const title = `Sum of ${say(area.to - area.from)} on ${of}, from ${say(area.from)} to ${say(area.to)}`;
  const lane = (area.to - area.from) * ranks;
  return (
    <div class="area-sum">
      <div class="chart-tools">
        <h4>{title}</h4>
        <button type="button" onClick={onClear}>
          Clear
        </button>
      </div>
      <DataTable
        caption={title}
        columns={columns}
        rows={rows.map((row) => ({ key: `${row.lane} ${row.kind}`, cells: cellsOf(row, { lane, say }) }))}
      />
    </div>
  );
}

function cellsOf(
  { lane, kind, count, total, longest }: AreaRow,
  whole: { readonly lane: number; readonly say: (time: number) => string },
) {
  const { say } = whole;
  return [
    <span class="legend-entry" key="what">
      <span class="swatch idle" {...(kind !== undefined && { style: { background: kindStyles[kind].fill } })} />
      {kind === undefined ? 'idle' : kindStyles[kind].words}
    </span>,
    lane,
    kind === undefined ? '' : String(count),
    say(total),
    whole.lane > 0 ? `${((100 * total) / whole.lane).toFixed(1)}%` : '',
    kind === undefined ? '' : say(total / count),
    kind === undefined ? '' : say(longest),
  ];
}
