import { InputError } from '../base/index.js';
import { drawScheduleText, holdsNumbers } from '../draw/index.js';
import type { Timeline } from '../schedule/index.js';
import { hasColor, outputWidth, plainWidth } from './output.js';

/** How a picture is drawn. */
export interface PictureOptions {
  /** Whether standard output takes it: its terminal's width and colours then count. */
  readonly toScreen: boolean;
  /** How to see what the picture has no room for. */
  readonly more: string;
}

/**
 * The picture in a terminal, and how to see more where it has no room for all numbers; of a run that is too large for a
 * timeline, why there is none, so that the figures beside it are still told.
 */
export function drawPicture(timeline: () => Timeline, { toScreen, more }: PictureOptions): string {
  try {
    const drawn = timeline();
    const width = toScreen ? outputWidth() : plainWidth;
    const picture = drawScheduleText(drawn, { color: toScreen && hasColor(), width });
    return holdsNumbers(drawn, width) ? picture : `${picture}${width} columns do not hold all numbers: ${more}\n`;
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return `no picture: ${error.message}\n`;
  }
}
