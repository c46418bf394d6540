import { drawScheduleSvg } from '../../../draw/index.js';
import { describeSchedule, formatCsv, formatTrace } from '../../../schedule/index.js';
import { formatShare } from './figures.js';
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
  const { schedule, simulation, timeline } = picture;
  const name = `${picture.name.replace(/[^\w.-]+/g, '-')}-${schedule.ranks}x${schedule.microbatches}`;
  switch (format) {
    case 'svg': {
      const title = `${describeSchedule(schedule)}; bubble ${formatShare(simulation.bubble)}`;
      return { name: `${name}.svg`, type: 'image/svg+xml', text: drawScheduleSvg(timeline, title) };
    }
    case 'csv':
      return { name: `${name}.csv`, type: 'text/csv', text: formatCsv(schedule) };
    case 'trace':
      return { name: `${name}.trace.json`, type: 'application/json', text: formatTrace(timeline) };
    default:
      return format satisfies never;
  }
}
