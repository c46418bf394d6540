import { useMemo } from 'preact/hooks';
import type { ScheduleSearchResult } from '../../../plan/index.js';
import type { Schedule } from '../../../schedule/index.js';
import {
  type ChosenCounts,
  type ChosenSchedule,
  countChunks,
  describeSearch,
  manyChunks,
  modelCosts,
  type PictureResult,
  type PictureSource,
  type SchedulesState,
  tryPicture,
} from '../../view/index.js';
import { type AutoSearch, useAutoSearch } from './use-auto-search.js';
import { useSettled } from './use-settled.js';

/** What is shown of one of the schedules: a picture, why there is none, or that it is searched for. */
export type Side =
  | (PictureResult & { readonly note?: string })
  | {
      readonly search: AutoSearch;
      readonly picture?: undefined;
      readonly problem?: undefined;
      readonly note?: undefined;
    };

/** What the view shows. */
export interface Pictures {
  readonly first: Side;
  readonly second: Side | undefined;
  /** Whether what is shown is not yet what was chosen last. */
  readonly isLate: boolean;
}

/** Pictures of both schedules; the first of them is a file's, if one is open. Large ones wait until a slider rests. */
export function usePictures(state: SchedulesState, file: Schedule | undefined): Pictures {
  const counts: ChosenCounts = file ?? state;
  const chosen = [state.first, ...(state.second === undefined ? [] : [state.second])];
  const isLarge = chosen.reduce((sum, one) => sum + countChunks(one, counts), 0) > manyChunks;
  const { ranks, microbatches } = counts;
  const wanted = JSON.stringify([state.first, state.second ?? null, { ranks, microbatches }, state.times]);
  const shown = useSettled(wanted, isLarge);
  const [first, second, shownCounts, times] = useMemo(() => JSON.parse(shown) as Wanted, [shown]);
  const isSearched = second?.name === 'auto' || (file === undefined && first.name === 'auto');
  const search = useAutoSearch(isSearched ? { ...shownCounts, costs: modelCosts(times) } : undefined);
  const found = search.state.kind === 'found' ? search.state.result : undefined;
  const sourceOf = (own: ChosenSchedule): PictureSource | ScheduleSearchResult | undefined =>
    own.name === 'auto' ? found : { chosen: own, counts: shownCounts };
  const show = (source: PictureSource | ScheduleSearchResult | undefined): Side =>
    source === undefined
      ? { search }
      : { ...tryPicture(source, times), ...('bound' in source && { note: describeSearch(source) }) };
  // Only a search that moves on makes anything else new than what `shown` and the file say.
  const drawn = useMemo(
    () => ({
      first: show(file === undefined ? sourceOf(first) : { schedule: file }),
      second: second === null ? undefined : show(sourceOf(second)),
    }),
    [shown, file, found],
  );
  const renew = (side: Side): Side => ('search' in side ? { search } : side);
  return {
    first: renew(drawn.first),
    second: drawn.second === undefined ? undefined : renew(drawn.second),
    isLate: shown !== wanted,
  };
}

type Wanted = [ChosenSchedule, ChosenSchedule | null, ChosenCounts, SchedulesState['times']];
