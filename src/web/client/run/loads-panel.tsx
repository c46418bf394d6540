import { useEffect, useMemo, useState } from 'preact/hooks';
import { measureImbalance } from '../../../balance/index.js';
import { formatMultiple, heatScales } from '../../../draw/index.js';
import { parseRunLoads, type RunLoads, type StepMetrics } from '../../../formats/browser.js';
import {
  findUnknownNumber,
  gridOfExperts,
  gridOfRanks,
  type LoadChoice,
  listMoves,
  parseNumber,
  pickSteadily,
  type RunShape,
  rankLoadsOf,
  type StepGrid,
} from '../../view/index.js';
import { HeatMap } from '../heat-map/index.js';
import { AddressNotice, Notice, Panel, SelectField, setParameters, useRoute } from '../ui/index.js';
import type { RunSource } from './source.js';
import type { RunState } from './use-runs.js';

/** Files of loads that are read at most: of a long run some, evenly. */
const mostFiles = 60;
/** Steps that a map of ranks has columns for at most: screens are not wider. */
const mostColumns = 2000;

/** Where no moves are to be marked. */
const noHistory: readonly StepMetrics[] = [];

const describeLoad = (value: number): string => `${formatMultiple(value)}x the mean`;

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
  const place = Math.max(0, layers.indexOf(parseNumber(parameters.layer)));
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
      <AddressNotice
        refusals={findUnknownNumber(parameters, 'layer', layers, `has no loads: layer ${layers[place]} is shown`)}
      />
      <LoadMap grid={grid} history={history} label={`Load of the experts of layer ${layers[place]}`} rowName="expert" />
    </Panel>
  );
}

function RankLoads({ history, expert }: { readonly history: readonly StepMetrics[]; readonly expert: number }) {
  const { measured, unmoved, moves, imbalances } = useMemo(() => {
    const shown = pickSteadily(history, mostColumns);
    const [measured, unmoved] = [gridOfRanks(shown, 'measured', expert), gridOfRanks(shown, 'unmoved', expert)];
    const imbalanceOf = (choice: LoadChoice) =>
      measureImbalance(
        shown.map((metrics) => rankLoadsOf(metrics, choice)),
        expert,
      );
    return {
      measured,
      unmoved,
      moves: shown.some(({ unmovedRankLoads }) => unmovedRankLoads !== undefined),
      imbalances: { measured: imbalanceOf('measured'), unmoved: imbalanceOf('unmoved') },
    };
  }, [history, expert]);
  const say = (choice: LoadChoice) => `the busiest rank has ${imbalances[choice].toFixed(3)}x the mean`;
  return (
    <Panel
      title="Load of ranks over time"
      note={
        moves
          ? 'Rows that the experts of each rank computed, over the mean of the ranks that share experts.'
          : 'Rows that the experts of each rank computed, over the mean of the ranks that share experts. No experts move in this run.'
      }
    >
      <div class={moves ? 'side-by-side paired' : 'stack'}>
        {moves ? (
          <div class="stack">
            <h3>{`As the first placement would have it: ${say('unmoved')}`}</h3>
            <LoadMap grid={unmoved} history={noHistory} label="Load of ranks without moves" rowName="rank" />
          </div>
        ) : null}
        <div class="stack">
          <h3>{`As it was: ${say('measured')}`}</h3>
          <LoadMap grid={measured} history={history} label="Load of ranks as measured" rowName="rank" />
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
}: {
  readonly grid: StepGrid;
  readonly history: readonly StepMetrics[];
  readonly label: string;
  readonly rowName: 'expert' | 'rank';
}) {
  const marks = useMemo(() => listMoves(history, grid), [history, grid]);
  return (
    <HeatMap
      label={label}
      grid={grid}
      scale={rowName === 'expert' ? heatScales.experts : heatScales.gpus}
      nameRow={(row) => `${rowName} ${row}`}
      nameColumn={(column) => `step ${grid.steps[column]}`}
      describe={describeLoad}
      marks={marks}
    />
  );
}

/** The loads that a run's files hold; a file is read once. */
function useLoads({ source, folder }: RunState): readonly RunLoads[] {
  const [known, setKnown] = useState<ReadonlyMap<string, RunLoads>>(new Map());
  const names = folder?.loads ?? [];
  const wanted = pickSteadily(names, mostFiles);
  useEffect(() => setKnown(new Map()), [source]);
  useEffect(() => {
    let isOver = false;
    const read = async () => {
      for (const name of wanted.filter((one) => !known.has(one))) {
        const loads = await readLoads(source, name);
        if (isOver) return;
        if (loads === undefined) continue;
        setKnown((before) => new Map([...before].filter(([one]) => wanted.includes(one))).set(name, loads));
      }
    };
    void read();
    return () => {
      isOver = true;
    };
  }, [source, wanted.join()]);
  return useMemo(() => wanted.flatMap((name) => known.get(name) ?? []), [known, wanted.join()]);
}

/** The loads of a file; undefined for one that is gone or cannot be read: it is left out of the picture. */
async function readLoads(source: RunSource, name: string): Promise<RunLoads | undefined> {
  try {
    const text = await source.read({ kind: 'loads', name });
    return text === undefined ? undefined : parseRunLoads(text, `loads/${name}`);
  } catch {
    return undefined;
  }
}
