import { useMemo, useRef } from 'preact/hooks';
import {
  activationCurve,
  areaPath,
  fitWindow,
  formatActivations,
  peakColumns,
  type SchedulePicture,
  type TimeWindow,
} from '../../view/index.js';
import { margins } from '../timeline/index.js';
import { useWidth } from '../ui/index.js';

export interface MemoryChartProps {
  readonly picture: SchedulePicture;
  readonly rank: number;
  readonly window: TimeWindow | undefined;
  /** Where the axis of time ends, as that of the timeline above it. */
  readonly span: number;
  /** The top of the scale. */
  readonly most: number;
}

const height = 64;

/** What a rank holds over time, under the timeline and on its axis; and the most that each rank holds. */
export function MemoryChart({ picture, rank: asked, window: given, span, most }: MemoryChartProps) {
  const room = useRef<HTMLDivElement>(null);
  const width = useWidth(room);
  const rank = Math.min(asked, picture.schedule.ranks - 1);
  const curve = useMemo(() => activationCurve(picture, rank), [picture, rank]);
  const columns = Math.max(1, width - margins.left - margins.right);
  const peaks = peakColumns(curve, fitWindow(given ?? { from: 0, to: span }, span), {
    columns,
    end: picture.indexed.end,
  });
  const peak = formatActivations(picture.peakActivations[rank] ?? 0);
  return (
    <figure class="memory">
      <figcaption class="note">{`Activations of rank ${rank}: at most ${peak}`}</figcaption>
      <div ref={room}>
        <svg
          width={width}
          height={height + 8}
          role="img"
          aria-label={`Activations of rank ${rank} over time, at most ${peak}`}
        >
          <text x={margins.left - 6} y={10} text-anchor="end">
            {formatActivations(most)}
          </text>
          <text x={margins.left - 6} y={height + 2} text-anchor="end">
            0
          </text>
          <path d={areaPath(peaks, { most, height })} transform={`translate(${margins.left} 2)`} />
        </svg>
      </div>
    </figure>
  );
}

/** With more ranks than this, bars stand without gaps between them. */
const mostGaps = 64;

/** The most activations of every rank, as bars. */
export function PeakBars({ picture, rank, most }: Pick<MemoryChartProps, 'picture' | 'rank' | 'most'>) {
  const { peakActivations } = picture;
  const shown = peakActivations.map(formatActivations);
  return (
    <figure class="memory">
      <figcaption class="note">Most activations of each rank, from rank 0 on</figcaption>
      <div
        class={shown.length > mostGaps ? 'peaks dense' : 'peaks'}
        role="img"
        aria-label={`From rank 0 on: ${shown.join(', ')}`}
      >
        {peakActivations.map((peak, place) => (
          <div key={place} class={place === rank ? 'peak chosen' : 'peak'}>
            {shown.length > 16 ? null : <span>{shown[place]}</span>}
            <div style={{ height: `${most > 0 ? (40 * peak) / most : 0}px` }} />
          </div>
        ))}
      </div>
    </figure>
  );
}
