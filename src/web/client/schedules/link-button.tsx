import { useEffect, useState } from 'preact/hooks';

/** Copies a link to what is shown; where the browser does not let it, it shows the link to be copied by hand. */
export function LinkButton({ hash }: { readonly hash: string }) {
  const [outcome, setOutcome] = useState<'copied' | 'refused'>();
  const link = new URL(hash, location.href).href;
  useEffect(() => setOutcome(undefined), [link]);
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(link);
      setOutcome('copied');
    } catch {
      setOutcome('refused');
    }
  };
  return (
    <div class="field">
      <div class="actions">
        <button type="button" onClick={() => void copy()}>
          Copy a link to this
        </button>
        <span role="status">{outcome === 'copied' ? 'Copied' : ''}</span>
      </div>
      {outcome === 'refused' ? (
        <input
          class="link-text"
          type="text"
          readOnly
          aria-label="The link"
          value={link}
          onFocus={(event) => event.currentTarget.select()}
        />
      ) : null}
    </div>
  );
}
