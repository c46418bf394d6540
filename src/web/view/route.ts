import type { Parameters } from './parameters.js';

/** The page's views, in the order of its navigation. */
export const viewNames = ['run', 'schedules', 'placement', 'planner'] as const;

export type ViewName = (typeof viewNames)[number];

/** What the page shows: a view and what is chosen in it. All of it stands in the address, so that a link shows the same. */
export interface Route {
  readonly view: ViewName;
  readonly parameters: Parameters;
  /** What the address names that is no view; the first one is shown in its place. */
  readonly unknown?: string;
}

/**
 * The route that the part of an address after `#` means: `#/schedules?ranks=8`. What is no view is the first one, and
 * named; its parameters mean nothing.
 */
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = splitAtFirst(hash.replace(/^#?\/?/, ''), '?');
  const view = viewNames.find((name) => name === path);
  if (view === undefined && path !== '') return { view: viewNames[0], parameters: {}, unknown: path };
  return { view: view ?? viewNames[0], parameters: Object.fromEntries(new URLSearchParams(query)) };
}

/** The part of an address that means the route, with `#`; parameters in the order of their names, those that are empty left out. */
export function formatRoute({ view, parameters }: Route): string {
  const entries = Object.entries(parameters).flatMap(([name, value = '']) =>
    value === '' ? [] : [[name, value] as [string, string]],
  );
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  const query = new URLSearchParams(entries).toString();
  return `#/${view}${query === '' ? '' : `?${query}`}`;
}

function splitAtFirst(text: string, separator: string): string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}
