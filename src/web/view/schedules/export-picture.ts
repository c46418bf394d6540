import { formatPercent } from '../../../base/index.js';
import { drawScheduleSvg } from '../../../draw/index.js';
import { describeSchedule, formatCsv, formatTrace, type Timeline } from '../../../schedule/index.js';
import { simulatedTimeline } from '../../../simulate/index.js';
import type { SchedulePicture } from './picture.js';

/** A file to be given to the person. */
export interface ExportedFile {
  readonly name: string;
  /** Media type. */
  readonly type: string;
  readonly text: string;
}

export type ExportFormat = 'svg' | 'csv' | 'trace';

/** A picture as a file: drawn, the schedule as PyTorch's CSV, or its timeline for Perfetto. Throws `InputError` for more events than an SVG can show. */
export function exportPicture(picture: SchedulePicture, format: ExportFormat): ExportedFile {
  const { schedule, simulation, indexed } = picture;
  const timelineOf = (): Timeline => ({ ...simulatedTimeline(schedule, simulation), unit: indexed.unit });
  const name = `${picture.name.replace(/[^\w.-]+/g, '-')}-${schedule.ranks}x${schedule.microbatches}`;
  switch (format) {
    case 'svg': {
      const title = `${describeSchedule(schedule)}; bubble ${formatPercent(simulation.bubble, 2)}`;
      return { name: `${name}.svg`, type: 'image/svg+xml', text: drawScheduleSvg(timelineOf(), title) };
    }
    case 'csv':
      return { name: `${name}.csv`, type: 'text/csv', text: formatCsv(schedule) };
    case 'trace':
      return { name: `${name}.trace.json`, type: 'application/json', text: formatTrace(timelineOf()) };
    default:
      return format satisfies never;
  }
}
