import { Notice } from '../ui/index.js';

/** The view Planner. */
export function PlannerView() {
  return <Notice tone="info" title="This view is being built" />;
}
