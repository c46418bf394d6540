interface BarsProps {
  readonly label: string;
  readonly values: readonly number[];
  /** What a bar of full height means. */
  readonly most: number;
  /** A bar in words. */
  readonly describe: (value: number, index: number) => string;
  /** What stands at full height. */
  readonly top: string;
}

/** Values beside each other, numbered from 0. */
export function Bars({ label, values, most, describe, top }: BarsProps) {
  return (
    <figure class="bars">
      <figcaption>{top}</figcaption>
      <div class="bars-field" role="img" aria-label={`${label}: ${values.map(describe).join(', ')}`}>
        {values.map((value, index) => (
          <span
            key={describe(value, index)}
            title={describe(value, index)}
            style={{ height: `${Math.min(100, (100 * value) / most)}%` }}
          />
        ))}
      </div>
      <div class="bars-axis" aria-hidden="true">
        <span>0</span>
        <span>{values.length - 1}</span>
      </div>
    </figure>
  );
}
