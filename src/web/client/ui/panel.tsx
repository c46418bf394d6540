import type { ComponentChildren } from 'preact';
import { useId } from 'preact/hooks';

export interface PanelProps {
  readonly title: string;
  /** Buttons and the like, beside the title. */
  readonly actions?: ComponentChildren;
  /** A sentence under the title. */
  readonly note?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** A titled part of a view. */
export function Panel({ title, actions, note, children }: PanelProps) {
  const id = useId();
  return (
    <section class="panel" aria-labelledby={id}>
      <div class="panel-head">
        <h2 id={id}>{title}</h2>
        {actions === undefined ? null : <div class="actions">{actions}</div>}
      </div>
      {note === undefined ? null : <p class="note">{note}</p>}
      {children}
    </section>
  );
}
