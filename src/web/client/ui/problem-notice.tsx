import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Problem } from '../../../base/index.js';
import { beginSentence } from '../../view/index.js';
import { Notice } from './notice.js';

export interface ProblemNoticeProps {
  readonly problem: Problem;
  /**
   * Whether it answers what a person did just now, such as dropping a file: then it comes into sight, wherever the page
   * is scrolled to.
   */
  readonly isAnswer?: boolean;
  readonly children?: ComponentChildren;
}

/** An error as a notice: what is wrong, where, and how to mend it; under it, what mends it, such as a button. */
export function ProblemNotice({ problem, isAnswer = false, children }: ProblemNoticeProps) {
  const box = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    if (isAnswer) box.current?.scrollIntoView({ block: 'nearest' });
  }, [problem, isAnswer]);
  const { what, where, mend } = problem;
  return (
    <Notice tone="error" title={beginSentence(what)} box={box}>
      {where === undefined ? null : <p class="where">{where}</p>}
      {mend === undefined ? null : <p>How to mend it: {mend}.</p>}
      {children}
    </Notice>
  );
}
