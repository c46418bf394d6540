/** A figure with its name; `note` says what it is held against, or how it came about. */
export interface Figure {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
}

/** Figures side by side. */
export function Figures({ figures }: { readonly figures: readonly Figure[] }) {
  return (
    <dl class="figures">
      {figures.map(({ name, value, note }) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {value}
            {note === undefined ? null : <span class="figure-note">{note}</span>}
          </dd>
        </div>
      ))}
    </dl>
  );
}
