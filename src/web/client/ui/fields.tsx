import { useEffect, useId, useState } from 'preact/hooks';

interface FieldProps<T> {
  readonly label: string;
  /** A word on what it means or what its unit is, under the field. */
  readonly hint?: string;
  readonly value: T;
  readonly onChange: (value: T) => void;
}

export interface NumberFieldProps extends FieldProps<number> {
  readonly min: number;
  readonly max: number;
  /** Default: 1. */
  readonly step?: number;
  /** The slider's end where that is less than `max`, so that it stays useful. */
  readonly sliderMax?: number;
  /** Leaves the slider out. */
  readonly isPlain?: boolean;
}

/** A number with a slider and a box; a number outside of its bounds is not taken. */
export function NumberField({ label, hint, value, onChange, min, max, step = 1, ...rest }: NumberFieldProps) {
  const id = useId();
  const [text, setText] = useState(String(value));
  useEffect(() => setText((shown) => (shown !== '' && Number(shown) === value ? shown : String(value))), [value]);
  const isWithin = (next: number) => next >= min && next <= max && (!Number.isInteger(step) || Number.isInteger(next));
  const take = (written: string) => {
    setText(written);
    const next = written.trim() === '' ? Number.NaN : Number(written);
    if (isWithin(next) && next !== value) onChange(next);
  };
  const isBad = !(text.trim() !== '' && isWithin(Number(text)));
  const { sliderMax = max, isPlain = false } = rest;
  const described = hint === undefined && !isBad ? {} : { 'aria-describedby': `${id}-hint` };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="field-inputs">
        {isPlain ? null : (
          <input
            type="range"
            aria-label={`${label}, slider`}
            min={min}
            max={sliderMax}
            step={step}
            value={Math.min(value, sliderMax)}
            onInput={(event) => take(event.currentTarget.value)}
          />
        )}
        <input
          id={id}
          type="number"
          inputMode="decimal"
          min={min}
          max={max}
          step={Number.isInteger(step) ? step : 'any'}
          value={text}
          aria-invalid={isBad}
          {...described}
          onInput={(event) => take(event.currentTarget.value)}
          onBlur={() => setText(String(value))}
        />
      </div>
      {isBad ? (
        <p class="field-hint bad" id={`${id}-hint`}>
          {`from ${min} to ${max}`}
        </p>
      ) : hint === undefined ? null : (
        <p class="field-hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

export interface SelectFieldProps<T extends string> extends FieldProps<T> {
  readonly options: readonly { readonly value: T; readonly words: string }[];
}

/** One of a few. */
export function SelectField<T extends string>({ label, hint, value, onChange, options }: SelectFieldProps<T>) {
  const id = useId();
  const take = (chosen: string) => {
    const option = options.find((one) => one.value === chosen);
    if (option !== undefined) onChange(option.value);
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => take(event.currentTarget.value)}>
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.words}
          </option>
        ))}
      </select>
      {hint === undefined ? null : <p class="field-hint">{hint}</p>}
    </div>
  );
}

interface CheckFieldProps extends FieldProps<boolean> {
  /** Whether it cannot be chosen now; the hint says why. */
  readonly isDisabled?: boolean;
}

/** Yes or no. */
export function CheckField({ label, hint, value, onChange, isDisabled = false }: CheckFieldProps) {
  const id = useId();
  return (
    <div class="field check">
      <input
        id={id}
        type="checkbox"
        checked={value}
        disabled={isDisabled}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <label for={id}>{label}</label>
      {hint === undefined ? null : <p class="field-hint">{hint}</p>}
    </div>
  );
}

interface TextFieldProps extends FieldProps<string> {
  /** Default: all is good. Text that is not is not taken. */
  readonly isGood?: (text: string) => boolean;
  /** What is good, for who wrote what is not. */
  readonly badHint?: string;
}

/** A short text. */
export function TextField({ label, hint, value, onChange, isGood = () => true, badHint = hint }: TextFieldProps) {
  const id = useId();
  const [text, setText] = useState(value);
  useEffect(() => setText((shown) => (document.activeElement?.id === id ? shown : value)), [value]);
  const isBad = !isGood(text);
  const said = isBad ? badHint : hint;
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="text"
        autoComplete="off"
        spellcheck={false}
        value={text}
        aria-invalid={isBad}
        {...(said === undefined ? {} : { 'aria-describedby': `${id}-hint` })}
        onInput={({ currentTarget: { value: written } }) => {
          setText(written);
          if (isGood(written)) onChange(written);
        }}
        onBlur={() => setText(value)}
      />
      {said === undefined ? null : (
        <p class={isBad ? 'field-hint bad' : 'field-hint'} id={`${id}-hint`}>
          {said}
        </p>
      )}
    </div>
  );
}
