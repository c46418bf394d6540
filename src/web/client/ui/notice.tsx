import type { ComponentChildren } from 'preact';

export interface NoticeProps {
  /** `error` is read out at once. */
  readonly tone: 'info' | 'warning' | 'error';
  readonly title: string;
  readonly children?: ComponentChildren;
}

/** Something that a person has to know, in place of or beside what a view shows: nothing here yet, how to begin, what went wrong and how to mend it. */
export function Notice({ tone, title, children }: NoticeProps) {
  return (
    <div class={`notice ${tone}`} role={tone === 'error' ? 'alert' : 'status'}>
      <p class="notice-title">{title}</p>
      {children}
    </div>
  );
}
