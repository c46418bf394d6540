import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** As the style sheets have it: from here on, columns stand under each other. */
const narrow = '(max-width: 900px)';

interface ControlsColumnProps {
  /** What is chosen, in a few words. */
  readonly summary: string;
  /** What it comes to, in a few words: stays in sight where the result itself does not. */
  readonly effect: string | undefined;
  readonly children: ComponentChildren;
}

/**
 * The controls of a view, beside what they make; where that has no room, folded above it, so that the result comes
 * first.
 */
export function ControlsColumn({ summary, effect, children }: ControlsColumnProps) {
  const isNarrow = useIsNarrow();
  const [isOpen, setOpen] = useState(false);
  return (
    <details
      class="controls"
      open={!isNarrow || isOpen}
      onToggle={({ currentTarget }) => {
        if (isNarrow) setOpen(currentTarget.open);
      }}
    >
      <summary>{isNarrow ? `Settings: ${summary}` : 'Settings'}</summary>
      <div class="stack">{children}</div>
      {effect === undefined || !isNarrow ? null : <p class="controls-effect">{effect}</p>}
    </details>
  );
}

function useIsNarrow(): boolean {
  const [isNarrow, setNarrow] = useState(() => matchMedia(narrow).matches);
  useEffect(() => {
    const query = matchMedia(narrow);
    const listen = () => setNarrow(query.matches);
    query.addEventListener('change', listen);
    listen();
    return () => query.removeEventListener('change', listen);
  }, []);
  return isNarrow;
}
