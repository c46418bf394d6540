import { Notice } from '../ui/index.js';

/** The view Placement. */
export function PlacementView() {
  return <Notice tone="info" title="This view is being built" />;
}
