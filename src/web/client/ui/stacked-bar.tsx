/** A part of a whole, with its colour. */
interface BarPart {
  readonly name: string;
  readonly value: number;
  readonly colour: string;
}

export interface StackedBarProps {
  /** What the whole is: `rank 0, measured`. */
  readonly label: string;
  readonly parts: readonly BarPart[];
  /** The length of the whole row, so that several bars have one scale. */
  readonly total: number;
  /** A value in words: `12.3 ms`. */
  readonly describe: (value: number) => string;
}

/** Parts of a whole beside each other; what they are is read out, and shown on hovering. */
export function StackedBar({ label, parts, total, describe }: StackedBarProps) {
  const words = parts.map(({ name, value }) => `${name} ${describe(value)}`).join(', ');
  return (
    <div class="stacked-bar" role="img" aria-label={`${label}: ${words}`}>
      {parts.map(({ name, value, colour }) => (
        <span
          key={name}
          title={`${name}: ${describe(value)}`}
          style={{ width: `${total > 0 ? (100 * value) / total : 0}%`, background: colour }}
        />
      ))}
    </div>
  );
}
