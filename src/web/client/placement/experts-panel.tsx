import { findUnknownNumber, hottestExperts, type PlacedLoads, parseNumber } from '../../view/index.js';
import { AddressNotice, DataTable, Panel, SelectField, setParameters, useRoute } from '../ui/index.js';

const mostExperts = 12;
const mostGpus = 12;

/** The experts of a layer with most tokens: how many replicas they got, and where. */
export function ExpertsPanel({ placed }: { readonly placed: PlacedLoads }) {
  const { parameters } = useRoute();
  const { layerNumbers } = placed;
  const row = Math.max(0, layerNumbers.indexOf(parseNumber(parameters.layer)));
  const number = (value: number) => value.toFixed(2);
  return (
    <Panel
      title="Hottest experts"
      note="Tokens over the mean of the layer's experts; each replica gets an even share."
      actions={
        layerNumbers.length < 2 ? null : (
          <SelectField
            label="Layer"
            value={String(layerNumbers[row])}
            onChange={(layer) => setParameters({ layer })}
            options={layerNumbers.map((layer) => ({ value: String(layer), words: `layer ${layer}` }))}
          />
        )
      }
    >
      <AddressNotice
        refusals={findUnknownNumber(
          parameters,
          'layer',
          layerNumbers,
          `has no loads: layer ${layerNumbers[row]} is shown`,
        )}
      />
      <DataTable
        caption={`Experts of layer ${layerNumbers[row]} with most tokens`}
        columns={[
          { name: 'expert' },
          { name: 'load', isNumber: true },
          { name: 'replicas', isNumber: true },
          { name: 'load a replica', isNumber: true },
          { name: 'on GPU' },
        ]}
        rows={hottestExperts(placed, row, mostExperts).map(({ expert, load, replicas, loadOfReplica, gpus }) => ({
          key: String(expert),
          cells: [`expert\u00a0${expert}`, number(load), String(replicas), number(loadOfReplica), listGpus(gpus)],
        }))}
      />
    </Panel>
  );
}

function listGpus(gpus: readonly number[]): string {
  const shown = gpus.slice(0, mostGpus).join(', ');
  return gpus.length > mostGpus ? `${shown} and ${gpus.length - mostGpus} more` : shown;
}
