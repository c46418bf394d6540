import { useEffect, useMemo, useState } from 'preact/hooks';
import { type Problem, problemOf } from '../../../base/index.js';
import { listDifferences, readConfigValues } from '../../view/index.js';
import { DataTable, Panel, ProblemNotice } from '../ui/index.js';
import type { RunSource } from './source.js';
import type { RunState } from './use-runs.js';

interface ReadConfig {
  readonly version: string;
  readonly values?: ReadonlyMap<string, string>;
  readonly problem?: Problem;
}

/** What differs between the configs of the runs whose curves are shown; nothing of a single one. */
export function DifferencesPanel({ states }: { readonly states: readonly RunState[] }) {
  const configs = useConfigs(states);
  const known = states.flatMap(({ source: { id, ...source } }, place) => {
    const { values } = configs[place] ?? {};
    return values === undefined ? [] : [{ id, source, values }];
  });
  const rows = useMemo(() => listDifferences(known.map(({ values }) => values)), [configs]);
  if (states.length < 2) return null;
  const note =
    known.length < states.length
      ? 'Of the runs whose config could be read.'
      : rows.length === 0
        ? 'Their configs are the same.'
        : 'Keys of their configs that have not the same value in all of them.';
  return (
    <Panel title="What differs between these runs" note={note}>
      {configs.map(({ problem }, place) =>
        problem === undefined ? null : <ProblemNotice key={states[place]?.source.id} problem={problem} />,
      )}
      {rows.length === 0 ? null : (
        <DataTable
          caption="What differs between these runs"
          columns={[{ name: 'key' }, ...known.map(({ id }) => ({ name: id }))]}
          rows={rows.map(({ key, values }) => ({ key, cells: [key, ...values.map((value) => value ?? '–')] }))}
        />
      )}
    </Panel>
  );
}

/** `[runs]`: what is known of their configs, read anew when they change. */
function useConfigs(states: readonly RunState[]): readonly ReadConfig[] {
  const [known, setKnown] = useState<ReadonlyMap<RunSource, ReadConfig>>(new Map());
  const wanted = states.map(({ source, folder }) => ({ source, version: folder?.config ?? '' }));
  const isWanted = states.length > 1;
  useEffect(() => {
    if (!isWanted) return;
    let isOver = false;
    for (const { source, version } of wanted) {
      if (version === '' || known.get(source)?.version === version) continue;
      const keep = (config: Omit<ReadConfig, 'version'>) => {
        if (!isOver) setKnown((before) => new Map(before).set(source, { ...config, version }));
      };
      source
        .read({ kind: 'config' })
        .then((text) => keep(text === undefined ? {} : { values: readConfigValues(text) }))
        .catch((error: unknown) => keep({ problem: problemOf(error) }));
    }
    return () => {
      isOver = true;
    };
  }, [isWanted, ...wanted.flatMap(({ source, version }) => [source, version])]);
  return useMemo(
    () => wanted.map(({ source }) => known.get(source) ?? { version: '' }),
    [known, ...wanted.map(({ source }) => source)],
  );
}
