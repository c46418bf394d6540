import { Notice } from '../ui/index.js';

/** The view Schedules. */
export function SchedulesView() {
  return <Notice tone="info" title="This view is being built" />;
}
