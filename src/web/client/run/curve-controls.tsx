import { type CurveAxis, type readCurveChoice, smoothingBounds } from '../../view/index.js';
import { CheckField, SelectField, setParameters } from '../ui/index.js';

const axisWords: readonly { readonly value: CurveAxis; readonly words: string }[] = [
  { value: 'step', words: 'steps' },
  { value: 'tokens', words: 'tokens' },
  { value: 'time', words: 'time' },
];

/** How curves are drawn: smoothed, over what, and on which scale. */
export function CurveControls({ choice }: { readonly choice: ReturnType<typeof readCurveChoice> }) {
  const { axis, smoothing, isLogarithmic, zoom } = choice;
  return (
    <div class="curve-controls">
      <div class="field smoothing">
        <label for="curve-smoothing">Smoothing</label>
        <div class="field-inputs">
          <input
            id="curve-smoothing"
            type="range"
            min={smoothingBounds.least}
            max={smoothingBounds.most}
            step={0.01}
            value={smoothing}
            onInput={({ currentTarget: { value } }) => setParameters({ smooth: Number(value) === 0 ? '' : value })}
          />
          <output for="curve-smoothing">{smoothing === 0 ? 'none' : smoothing.toFixed(2)}</output>
        </div>
      </div>
      <SelectField
        label="Over"
        value={axis}
        onChange={(next) => setParameters({ x: next === 'step' ? '' : next, curves: '' })}
        options={axisWords}
      />
      <CheckField
        label="Logarithmic"
        value={isLogarithmic}
        onChange={(isOn) => setParameters({ log: isOn ? '1' : '' })}
      />
      {zoom === undefined ? null : (
        <button type="button" onClick={() => setParameters({ curves: '' })}>
          Whole curves
        </button>
      )}
    </div>
  );
}
