import { type Problem, problemOf } from '../../../base/index.js';
import { type ScheduleSearchRequest, type ScheduleSearchResult, searchSchedule } from '../../../plan/index.js';

/** What to search for. */
export type AutoRequest = Pick<ScheduleSearchRequest, 'ranks' | 'microbatches' | 'costs'>;

/** What the worker says: how far it is, and at the end one of the others. */
export type AutoMessage =
  | { readonly kind: 'progress'; readonly done: number; readonly of: number }
  | { readonly kind: 'found'; readonly result: ScheduleSearchResult }
  | { readonly kind: 'problem'; readonly problem: Problem };

const say = (message: AutoMessage) => postMessage(message);

addEventListener('message', ({ data }: MessageEvent<AutoRequest>) => {
  try {
    const onProgress = ({ done, iterations }: { done: number; iterations: number }) =>
      say({ kind: 'progress', done, of: iterations });
    say({ kind: 'found', result: searchSchedule({ ...data, onProgress }) });
  } catch (error) {
    say({ kind: 'problem', problem: problemOf(error) });
  }
});
