import { useMemo } from 'preact/hooks';
import { describeLevels, type HeatScale } from '../../../draw/index.js';
import { columnsOfPixel, type HeatGrid, heatColours } from '../../view/index.js';
import type { HeatMark } from './draw-heat-map.js';

export interface HeatLegendProps {
  readonly grid: HeatGrid;
  readonly scale: HeatScale;
  readonly marks?: readonly HeatMark[];
  readonly theme: 'light' | 'dark';
  /** Of the screen, that a row has. */
  readonly pixels: number;
}

/** What the colours mean: the same in every picture with this scale; its ends point to what lies beyond. */
export function HeatLegend({ grid, scale, marks = [], theme, pixels }: HeatLegendProps) {
  const colours = heatColours(theme);
  const levels = describeLevels(scale);
  const hasNone = useMemo(() => grid.values.includes(0), [grid]);
  const isFolded = columnsOfPixel(grid, pixels) > 1;
  return (
    <div class="heat-legend">
      <div class="heat-ramp" role="img" aria-label={`Colours, as multiples of the mean: ${levels.join(', ')}`}>
        {levels.map((words, level) => (
          <span key={words} class="heat-level" title={words} style={{ background: colours[level]?.css }} />
        ))}
        {scale.map((end, place) => (
          <span key={end} class="heat-end" style={{ gridColumn: `${place + 1} / span 2` }}>
            {`${end}x`}
          </span>
        ))}
      </div>
      {hasNone ? (
        <span class="swatch-name">
          <span class="swatch" style={{ background: colours.at(-1)?.css }} />
          none
        </span>
      ) : null}
      {marks.length === 0 ? null : <span>▼ experts moved</span>}
      {isFolded ? <span>Where columns share a pixel, it shows the largest.</span> : null}
    </div>
  );
}
