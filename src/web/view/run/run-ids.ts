/** The most runs that are shown together: more curves than colours could not be told apart. */
export const mostRuns = 6;

/** Names of runs as one parameter of an address; what would end a name is written as in addresses. */
export function formatRunIds(ids: readonly string[]): string {
  return ids.map((id) => id.replace(/[%,]/g, encodeURIComponent)).join(',');
}

/** The names that `formatRunIds` wrote, each once; no more than `most`, by default those that are shown together. */
export function parseRunIds(text: string, most: number = mostRuns): readonly string[] {
  const ids = text.split(',').map((id) => id.replace(/%(25|2C)/gi, decodeURIComponent));
  return [...new Set(ids.filter((id) => id !== ''))].slice(0, most);
}

/** Whether one more run can be shown beside `shown` others. */
export function hasRoomForRun(shown: number): boolean {
  return shown < mostRuns;
}

/** Whether a run's name, or its folder's, holds each word of a filter, in capitals or not. */
export function passesFilter(
  { id, folder }: { readonly id: string; readonly folder: string },
  filter: string,
): boolean {
  const text = `${id} ${folder}`.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => text.includes(word));
}
