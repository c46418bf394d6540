import { InputError, WorkError } from '../../../base/index.js';
import { checkLowered, checkSchedule, countIssues, readCsv, type Schedule } from '../../../schedule/index.js';
import { mostPictureChunks, requireDrawable } from './picture.js';

/** Each chunk runs once forward and once backward, in one part or two: what has more takes long to be told all its mistakes. */
const mostActions = 3 * mostPictureChunks;

/** The largest file that the page opens, in bytes: many times what a schedule that it draws takes. */
export const mostCsvBytes = 2 ** 23;

/**
 * The schedule of PyTorch's CSV, computation only or with its communication, which is checked but not drawn. Throws `InputError` for a text that is no such file, with row and cell, or that is too much to
 * be shown, and `WorkError` for a schedule that cannot run.
 */
export function openSchedule(text: string, file: string): Schedule {
  const { schedule, lowered } = readCsv(text, { name: file.replace(/\.csv$/i, ''), file });
  requireDrawable((schedule.stageToRank.length * schedule.microbatches) / schedule.pipelines.length);
  const actions = schedule.actions.reduce((sum, { length }) => sum + length, 0);
  if (actions > mostActions) {
    throw new InputError({
      what: `${actions} actions are too many for the page`,
      where: file,
      mend: `open a schedule of at most ${mostActions}`,
    });
  }
  const issues = lowered === undefined ? checkSchedule(schedule) : checkLowered(lowered);
  const [first] = issues;
  if (first === undefined) return schedule;
  const { rank, position, message } = first;
  const place = rank === null ? '' : `, rank ${rank}${position === null ? '' : `, position ${position}`}`;
  const others = countIssues(issues) - 1;
  const more = others === 0 ? '' : `, and ${others} more problem${others === 1 ? '' : 's'}`;
  throw new WorkError({
    what: `the schedule cannot run: ${message}${more}`,
    where: `${file}${place}`,
    mend: 'put the actions in an order in which each finds what it needs',
  });
}
