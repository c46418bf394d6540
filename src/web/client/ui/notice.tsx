import type { ComponentChildren, RefObject } from 'preact';

export interface NoticeProps {
  /** `error` is read out at once. */
  readonly tone: 'info' | 'warning' | 'error';
  readonly title: string;
  readonly children?: ComponentChildren;
  /** Its element, for who wants to bring it into sight. */
  readonly box?: RefObject<HTMLDivElement | null>;
}

/** Something that a person has to know, in place of or beside what a view shows: nothing here yet, how to begin, what went wrong and how to mend it. */
export function Notice({ tone, title, children, box }: NoticeProps) {
  return (
    <div {...(box !== undefined && { ref: box })} class={`notice ${tone}`} role={tone === 'error' ? 'alert' : 'status'}>
      <p class="notice-title">{title}</p>
      {children}
    </div>
  );
}
