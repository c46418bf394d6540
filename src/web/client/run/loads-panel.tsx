import { useEffect, useMemo, useState } from 'preact/hooks';
import { measureImbalance } from '../../../balance/index.js';
import { parseRunLoads, type RunLoads, type StepMetrics } from '../../../formats/browser.js';
import {
  findRange,
  gridOfExperts,
  gridOfRanks,
  type LoadChoice,
  listMoves,
  type RunShape,
  rankLoadsOf,
  type StepGrid,
  spreadPick,
} from '../../view/index.js';
import { HeatMap } from '../heat-map/index.js';
import { Notice, Panel, SelectField, setParameters, useRoute } from '../ui/index.js';
import type { RunState } from './use-runs.js';

/** Files of loads that are read at most: of a long run some, evenly. */
const mostFiles = 60;

const describeLoad = (value: number): string => `${value.toFixed(2)} of the mean`;

/** Heat maps of loads over time: experts of a layer, and ranks with and without balancing. */
export function LoadsPanel({ state, shape }: { readonly state: RunState; readonly shape: RunShape | undefined }) {
  const files = useLoads(state);
  return (
    <>
      <ExpertLoads files={files} history={state.history} />
      {shape !== undefined && shape.expert > 1 ? <RankLoads history={state.history} expert={shape.expert} /> : null}
    </>
  );
}

function ExpertLoads({
  files,
  history,
}: {
  readonly files: readonly RunLoads[];
  readonly history: readonly StepMetrics[];
}) {
  const { parameters } = useRoute();
  const layers = files[0]?.layers ?? [];
  const place = Math.max(0, layers.indexOf(Number(parameters.layer ?? Number.NaN)));
  const grid = useMemo(() => gridOfExperts(files, place), [files, place]);
  const title = 'Load of experts over time';
  if (grid.columns === 0)
    return (
      <Panel title={title}>
        <Notice tone="info" title="No loads were written yet">
          <p>
            They come a few seconds after the first steps; steps of the warm-up are left out, and a model without routed
            experts has none.
          </p>
        </Notice>
      </Panel>
    );
  return (
    <Panel
      title={title}
      note="Tokens of each expert over the mean of the layer's experts, as the router chooses them: balancing moves experts, it does not change this."
      actions={
        layers.length < 2 ? null : (
          <SelectField
            label="Layer"
            value={String(layers[place])}
            onChange={(layer) => setParameters({ layer })}
            options={layers.map((layer) => ({ value: String(layer), words: `layer ${layer}` }))}
          />
        )
      }
    >
      <LoadMap grid={grid} history={history} label={`Load of the experts of layer ${layers[place]}`} rowName="expert" />
    </Panel>
  );
}

function RankLoads({ history, expert }: { readonly history: readonly StepMetrics[]; readonly expert: number }) {
  const measured = useMemo(() => gridOfRanks(history, 'measured', expert), [history, expert]);
  const unmoved = useMemo(() => gridOfRanks(history, 'unmoved', expert), [history, expert]);
  const moves = history.some(({ unmovedRankLoads }) => unmovedRankLoads !== undefined);
  const range = findRange(moves ? [measured, unmoved] : [measured]);
  const say = (choice: LoadChoice) => {
    const loads = history.map((metrics) => rankLoadsOf(metrics, choice));
    return `the busiest rank has ${measureImbalance(loads, expert).toFixed(3)} times the mean`;
  };
  return (
    <Panel
      title="Load of ranks over time"
      note={
        moves
          ? 'Rows that the experts of each rank computed, over the mean of the ranks that share experts.'
          : 'Rows that the experts of each rank computed, over the mean of the ranks that share experts. No experts move in this run.'
      }
    >
      <div class={moves ? 'side-by-side' : 'stack'}>
        {moves ? (
          <div class="stack">
            <h3>{`As the first placement would have it: ${say('unmoved')}`}</h3>
            <LoadMap grid={unmoved} history={[]} range={range} label="Load of ranks without moves" rowName="rank" />
          </div>
        ) : null}
        <div class="stack">
          <h3>{`As it was: ${say('measured')}`}</h3>
          <LoadMap grid={measured} history={history} range={range} label="Load of ranks as measured" rowName="rank" />
        </div>
      </div>
    </Panel>
  );
}

function LoadMap({
  grid,
  history,
  label,
  rowName,
  range = findRange([grid]),
}: {
  readonly grid: StepGrid;
  readonly history: readonly StepMetrics[];
  readonly label: string;
  readonly rowName: string;
  readonly range?: ReturnType<typeof findRange>;
}) {
  return (
    <HeatMap
      label={label}
      grid={grid}
      range={range}
      nameRow={(row) => `${rowName} ${row}`}
      nameColumn={(column) => `step ${grid.steps[column]}`}
      describe={describeLoad}
      marks={listMoves(history, grid)}
    />
  );
}

/** The loads that a run's files hold; a file is read once. */
function useLoads({ source, folder }: RunState): readonly RunLoads[] {
  const [known, setKnown] = useState<ReadonlyMap<string, RunLoads>>(new Map());
  const names = folder?.loads ?? [];
  const wanted = spreadPick(names, mostFiles);
  useEffect(() => setKnown(new Map()), [source]);
  useEffect(() => {
    let isOver = false;
    const read = async () => {
      for (const name of wanted.filter((one) => !known.has(one))) {
        const text = await source.read({ kind: 'loads', name });
        if (isOver) return;
        if (text === undefined) continue;
        const loads = parseRunLoads(text, `loads/${name}`);
        setKnown((before) => new Map([...before].filter(([one]) => wanted.includes(one))).set(name, loads));
      }
    };
    // A file that cannot be read is left out of the picture.
    read().catch(() => undefined);
    return () => {
      isOver = true;
    };
  }, [source, wanted.join()]);
  return useMemo(() => wanted.flatMap((name) => known.get(name) ?? []), [known, wanted.join()]);
}
