import type { ComponentChildren } from 'preact';
import type { Problem } from '../../../base/index.js';
import { Notice } from './notice.js';

/** An error as a notice: what is wrong, where, and how to mend it; under it, what mends it, such as a button. */
export function ProblemNotice({
  problem: { what, where, mend },
  children,
}: {
  readonly problem: Problem;
  readonly children?: ComponentChildren;
}) {
  return (
    <Notice tone="error" title={`${what.charAt(0).toUpperCase()}${what.slice(1)}`}>
      {where === undefined ? null : <p class="where">{where}</p>}
      {mend === undefined ? null : <p>How to mend it: {mend}.</p>}
      {children}
    </Notice>
  );
}
