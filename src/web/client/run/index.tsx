import { Notice } from '../ui/index.js';

/** The view Run. */
export function RunView() {
  return <Notice tone="info" title="This view is being built" />;
}
