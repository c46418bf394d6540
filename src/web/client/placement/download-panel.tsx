import { type PlacementFormat, placementFormats } from '../../../formats/browser.js';
import { type PlacedLoads, problemOnPage, sayOnPage } from '../../view/index.js';
import { downloadText, Panel, ProblemNotice, SelectField, setParameters, useRoute } from '../ui/index.js';

const engines: Readonly<Record<PlacementFormat, { readonly words: string; readonly file: string }>> = {
  sglang: { words: 'SGLang', file: 'placement-sglang.json' },
  vllm: { words: 'vLLM', file: 'placement-vllm.jsonl' },
  'tensorrt-llm': { words: 'TensorRT-LLM', file: 'placement-tensorrt-llm.yaml' },
  'vllm-ascend': { words: 'vLLM-Ascend', file: 'placement-vllm-ascend.json' },
  json: { words: 'json, with all measures', file: 'placement.json' },
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
          options={placementFormats.map((value) => ({ value, words: engines[value].words }))}
        />
        <button
          type="button"
          class="primary"
          disabled={isOld || 'problem' in made}
          onClick={() => 'text' in made && downloadText(engines[format].file, made.text)}
        >
          {`Download ${engines[format].file}`}
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
    </Panel>
  );
}
