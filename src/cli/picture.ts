import { InputError } from '../base/index.js';
import { drawScheduleText } from '../draw/index.js';
import type { Timeline } from '../schedule/index.js';

/** The picture in a terminal; of a run that is too large for a timeline, why there is none, so that the figures beside it are still told. */
export function drawPicture(timeline: () => Timeline, options: Parameters<typeof drawScheduleText>[1]): string {
  try {
    return drawScheduleText(timeline(), options);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return `no picture: ${error.message}\n`;
  }
}
