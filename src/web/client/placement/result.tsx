import { useMemo } from 'preact/hooks';
import {
  type BalanceSolution,
  describeGain,
  describeHeldOut,
  describeMoves,
  describeSolution,
  tabulateSolution,
} from '../../../balance/index.js';
import { formatPercent, formatSeconds } from '../../../base/index.js';
import { drawHeatMapSvg } from '../../../draw/index.js';
import {
  findRange,
  type HeatGrid,
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

const multiple = (value: number): string => (value === 0 ? 'nothing' : `${value.toFixed(2)} of the mean`);
/** So many columns need the whole width. */
const mostBeside = 64;
const room = 440;

/** What was placed and how good it is: a sentence, the figures, and whether to move. */
export function SummaryPanel({ placed, settings }: ResultProps) {
  const { solution, notes } = placed;
  const { gap, verdict, seconds, windows } = solution;
  return (
    <Panel title="Placement" note={describeSolution(solution)}>
      <Figures
        figures={[
          ...listFigures(solution),
          {
            name: 'Above the bound',
            value: formatPercent(gap, 3),
            note: `${gap === 0 ? 'proven to be the least' : 'at most, of the least possible'}${windows === 1 ? '' : ', for the windows it was placed by together'}`,
          },
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
  const { before, after, range, maps } = useMemo(() => mapLoads(placed), [placed]);
  const [first, second] = titleMaps(solution);
  const common = {
    range,
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
      <div class={after.columns > mostBeside ? 'stack' : 'side-by-side'}>
        <div class="stack">
          <h3>{`${first}: the busiest has ${largestOf(before)} times its layer's mean`}</h3>
          <HeatMap {...common} grid={before} label={`Load of each GPU ${solution.hasCurrent ? 'now' : 'before'}`} />
        </div>
        <div class="stack">
          <h3>{`${second}: the busiest has ${largestOf(after)} times`}</h3>
          <HeatMap {...common} grid={after} label="Load of each GPU after" />
        </div>
      </div>
    </Panel>
  );
}

function largestOf(grid: HeatGrid): string {
  return findRange([grid]).high.toFixed(2);
}

/** Of which windows the maps are. */
function titleMaps({ hasCurrent, windows }: BalanceSolution): readonly [string, string] {
  const first = hasCurrent ? 'Now' : 'Before';
  return windows === 1
    ? [first, 'After']
    : [`${first}, ${windows} windows together`, `After, the ${windows} windows it was placed by together`];
}

function describeMaps({ hasCurrent, windows }: BalanceSolution): string {
  const before = hasCurrent
    ? 'Now is the placement in use.'
    : 'Before is what the file says was in force, or else how engines begin: experts in order.';
  const summed =
    windows === 1 ? '' : ' All windows together, which were placed by; balancedness counts each alone, on others.';
  return `Tokens over the mean of the layer's GPUs.${summed} ${before}`;
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
