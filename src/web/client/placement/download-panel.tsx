import { type PlacementFormat, placementFormats } from '../../../formats/browser.js';
import { engineFileNames, type PlacedLoads, problemOnPage, sayOnPage } from '../../view/index.js';
import { downloadText, Panel, ProblemNotice, SelectField, setParameters, useRoute } from '../ui/index.js';

const engineWords: Readonly<Record<PlacementFormat, string>> = {
  sglang: 'SGLang',
  vllm: 'vLLM',
  'tensorrt-llm': 'TensorRT-LLM',
  'vllm-ascend': 'vLLM-Ascend',
  json: 'json, with all measures',
};

/** The placement as an engine's file, with what a person should know about it. */
export function DownloadPanel({ placed, isOld }: { readonly placed: PlacedLoads; readonly isOld: boolean }) {
  const { parameters } = useRoute();
  const format = placementFormats.find((one) => one === parameters.format) ?? 'sglang';
  const made = placed.files[format];
  return (
    <Panel title="Download">
      <div class="download">
        <SelectField
          label="Format"
          value={format}
          onChange={(chosen) => setParameters({ format: chosen === 'sglang' ? '' : chosen })}
          options={placementFormats.map((value) => ({ value, words: engineWords[value] }))}
        />
        <button
          type="button"
          class="primary"
          disabled={isOld || 'problem' in made}
          onClick={() => 'text' in made && downloadText(engineFileNames[format], made.text)}
        >
          {`Download ${engineFileNames[format]}`}
        </button>
      </div>
      {'problem' in made ? <ProblemNotice problem={problemOnPage(made.problem)} /> : null}
      {'notes' in made && made.notes.length > 0 ? (
        <ul class="notes">
          {made.notes.map((note) => (
            <li key={note}>{sayOnPage(note)}</li>
          ))}
        </ul>
      ) : null}
      {'launch' in made && made.launch.length > 0 ? (
        <>
          <p class="note">The launch that goes with it:</p>
          <pre class="launch">{made.launch.join('\n')}</pre>
        </>
      ) : null}
    </Panel>
  );
}
