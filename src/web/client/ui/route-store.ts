import { useEffect, useState } from 'preact/hooks';
import { formatRoute, parseRoute, type Route } from '../../view/index.js';

/** Browsers refuse pages that change their address at the rate of a slider. */
const quietMilliseconds = 200;

let route: Route = parseRoute(location.hash);
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<(route: Route) => void>();

addEventListener('hashchange', () => publish(parseRoute(location.hash)));

function publish(next: Route): void {
  route = next;
  for (const listener of listeners) listener(route);
}

/** The route that the page shows. */
export function useRoute(): Route {
  const [shown, setShown] = useState(route);
  useEffect(() => {
    listeners.add(setShown);
    setShown(route);
    return () => {
      listeners.delete(setShown);
    };
  }, []);
  return shown;
}

/** Writes the address of what is shown in place of one that names no view. */
export function correctAddress(): void {
  history.replaceState(null, '', formatRoute(route));
}

/** Changes parameters of the view that is shown, at once on the page, and soon in its address; an empty value takes a parameter away. */
export function setParameters(changes: Readonly<Record<string, string>>): void {
  const parameters = Object.fromEntries(
    Object.entries({ ...route.parameters, ...changes }).filter(([, value]) => value !== ''),
  );
  publish({ view: route.view, parameters });
  clearTimeout(timer);
  timer = setTimeout(() => history.replaceState(null, '', formatRoute(route)), quietMilliseconds);
}
