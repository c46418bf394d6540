/** What a part is filled with: the kinds of the timeline, and others beside them. */
export type ShareFill = 'forward' | 'backward' | 'weight' | 'pair' | 'idle' | 'warning' | 'first' | 'second' | 'free';

interface ShareBarProps {
  readonly label: string;
  readonly shares: readonly {
    readonly part: string;
    readonly words: string;
    /** From 0 to 1. */
    readonly share: number;
    readonly fill: ShareFill;
  }[];
}

/** Parts of a whole beside each other; the numbers stand in a table under it. */
export function ShareBar({ label, shares }: ShareBarProps) {
  const told = shares.filter(({ share }) => share >= 0.001).map(({ words, share }) => `${words} ${percentText(share)}`);
  return (
    <div class="share-bar" role="img" aria-label={`${label}: ${told.join(', ')}`}>
      {shares.map(({ part, words, share, fill }) => (
        <span
          key={part}
          class={`fill-${fill}`}
          title={`${words}: ${percentText(share)}`}
          style={{ width: `${100 * share}%` }}
        />
      ))}
    </div>
  );
}

function percentText(share: number): string {
  return `${(100 * share).toFixed(1)}%`;
}

/** The name of a part with its colour. */
export function Swatch({ fill, words }: { readonly fill: ShareFill; readonly words: string }) {
  return (
    <span class="swatch-name">
      <span class={`swatch fill-${fill}`} />
      {words}
    </span>
  );
}
