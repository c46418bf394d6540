/** The most runs that are shown together: more curves than colours could not be told apart. */
const mostRuns = 6;

/** Names of runs as one parameter of an address; what would end a name is written as in addresses. */
export function formatRunIds(ids: readonly string[]): string {
  return ids.map((id) => id.replace(/[%,]/g, encodeURIComponent)).join(',');
}

/** The names that `formatRunIds` wrote, each once; no more than are shown together. */
export function parseRunIds(text: string): readonly string[] {
  const ids = text.split(',').map((id) => id.replace(/%(25|2C)/gi, decodeURIComponent));
  return [...new Set(ids.filter((id) => id !== ''))].slice(0, mostRuns);
}

/** Whether one more run can be shown beside `shown` others. */
export function hasRoomForRun(shown: number): boolean {
  return shown < mostRuns;
}
