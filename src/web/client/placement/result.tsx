import { useMemo } from 'preact/hooks';
import {
  describeGain,
  describeHeldOut,
  describeMoves,
  describeSolution,
  tabulateSolution,
} from '../../../balance/index.js';
import { formatPercent, formatSeconds } from '../../../base/index.js';
import { drawHeatMapSvg, formatMultiple, heatScales } from '../../../draw/index.js';
import {
  describeMaps,
  type HeatGrid,
  largestIn,
  listFigures,
  listLayers,
  mapLoads,
  type PlacedLoads,
  type PlacementSettings,
} from '../../view/index.js';
import { HeatMap } from '../heat-map/index.js';
import { DataTable, downloadText, Figures, Notice, Panel } from '../ui/index.js';

export interface ResultProps {
  readonly placed: PlacedLoads;
  readonly settings: PlacementSettings;
}

const multiple = (value: number): string => (value === 0 ? 'nothing' : `${formatMultiple(value)}x the mean`);
/** So many columns need the whole width. */
const mostBeside = 64;
const room = 440;

/** What was placed and how good it is: a sentence, the figures, and whether to move. */
export function SummaryPanel({ placed, settings }: ResultProps) {
  const { solution, notes } = placed;
  const { verdict, seconds } = solution;
  return (
    <Panel title="Placement" note={describeSolution(solution)}>
      <Figures
        figures={[
          ...listFigures(solution),
          ...(verdict === undefined
            ? []
            : [
                {
                  name: 'Moves',
                  value: String(verdict.moves),
                  note: `of ${solution.placement.physicalToLogical.length} slots`,
                },
              ]),
          { name: 'Placed in', value: formatSeconds(seconds) },
        ]}
      />
      {verdict === undefined ? null : (
        <Notice tone="info" title={describeMoves(verdict, settings.cost)}>
          {verdict.whole.moves > verdict.moves ? (
            <p>{`All the way it would be ${verdict.whole.moves} moves, for a gain of ${describeGain(verdict.whole)}.`}</p>
          ) : null}
        </Notice>
      )}
      {describeHeldOut(solution).map((sentence) => (
        <p class="note" key={sentence}>
          {sentence}
        </p>
      ))}
      {notes.length === 0 ? null : <p class="note">{`Note: ${notes.join('; ')}.`}</p>}
    </Panel>
  );
}

/** The load of each GPU in each layer, before and after, in the same colours. */
export function MapsPanel({ placed }: Pick<ResultProps, 'placed'>) {
  const { solution, layerNumbers } = placed;
  const { before, after, maps } = useMemo(() => mapLoads(placed), [placed]);
  const common = {
    scale: heatScales.gpus,
    room,
    axis: 'GPU',
    nameRow: (row: number) => `layer ${layerNumbers[row]}`,
    nameColumn: (column: number) => `GPU ${column}`,
    describe: multiple,
  };
  return (
    <Panel
      title="Load of each GPU"
      note={describeMaps(solution)}
      actions={
        <button
          type="button"
          onClick={() =>
            downloadText('gpu-loads.svg', drawHeatMapSvg(maps, describeSolution(solution)), 'image/svg+xml')
          }
        >
          Download SVG
        </button>
      }
    >
      <div class={after.columns > mostBeside ? 'stack' : 'side-by-side map-pair'}>
        <div class="stack">
          <h3>{`${solution.hasCurrent ? 'Now' : 'Before'}: ${describeBusiest(before)}`}</h3>
          <HeatMap {...common} grid={before} label={`Load of each GPU ${solution.hasCurrent ? 'now' : 'before'}`} />
        </div>
        <div class="stack">
          <h3>{`After: ${describeBusiest(after)}`}</h3>
          <HeatMap {...common} grid={after} label="Load of each GPU after" />
        </div>
      </div>
    </Panel>
  );
}

/** `the busiest GPU has 1.39x the mean` */
function describeBusiest(grid: HeatGrid): string {
  return `the busiest GPU has ${formatMultiple(largestIn(grid))}x the mean`;
}

/** The named measures, and each layer's largest loads against its bound. */
export function MeasuresPanel({ placed }: Pick<ResultProps, 'placed'>) {
  const { solution } = placed;
  const number = (value: number) => value.toFixed(4);
  const { columns, rows } = tabulateSolution(solution);
  return (
    <Panel title="Measures">
      <DataTable
        caption="Measures before and after"
        columns={[{ name: 'measure' }, ...columns.map((name) => ({ name, isNumber: true }))]}
        rows={rows.map(({ name, values }) => ({ key: name, cells: [name, ...values] }))}
      />
      <details>
        <summary>Each layer against its lower bound</summary>
        <DataTable
          caption="Largest GPU load of each layer, over the mean"
          columns={[
            { name: 'layer' },
            { name: solution.hasCurrent ? 'largest now' : 'largest before', isNumber: true },
            { name: 'largest after', isNumber: true },
            { name: 'lower bound', isNumber: true },
            { name: 'gap', isNumber: true },
          ]}
          rows={listLayers(placed).map(({ layer, before, after, bound, gap }) => ({
            key: String(layer),
            cells: [
              `layer ${layer}`,
              number(before),
              number(after),
              number(bound),
              gap === 0 ? 'proven least' : formatPercent(gap, 3),
            ],
          }))}
        />
      </details>
    </Panel>
  );
}
