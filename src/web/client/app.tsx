import type { ComponentChildren } from 'preact';
import { type ComponentType, lazy, Suspense } from 'preact/compat';
import { useEffect, useErrorBoundary, useRef } from 'preact/hooks';
import { problemOf } from '../../base/index.js';
import { formatRoute, type ViewName, viewNames } from '../view/index.js';
import {
  Busy,
  chooseTheme,
  correctAddress,
  Notice,
  Panel,
  ProblemNotice,
  SelectField,
  useRoute,
  useTheme,
} from './ui/index.js';

const titles: Readonly<Record<ViewName, string>> = {
  run: 'Run',
  schedules: 'Schedules',
  placement: 'Placement',
  planner: 'Planner',
};

/** What each view shows, to be read until it is there. */
const leads: Readonly<Record<ViewName, string>> = {
  run: 'A training, while it goes on or afterwards.',
  schedules: "What a pipeline schedule does with the ranks' time and memory.",
  placement: 'Which expert belongs on which GPU.',
  planner: 'Which layouts train a model fastest on a cluster.',
};

/** Each view is a file of its own, which is fetched when it is first shown. */
const views: Readonly<Record<ViewName, ComponentType>> = {
  run: lazy(async () => (await import('./run/index.js')).RunView),
  schedules: lazy(async () => (await import('./schedules/index.js')).SchedulesView),
  placement: lazy(async () => (await import('./placement/index.js')).PlacementView),
  planner: lazy(async () => (await import('./planner/index.js')).PlannerView),
};

/** The whole page: navigation, and the view that the address names. */
export function App() {
  const { view, unknown } = useRoute();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(view);
  useEffect(() => {
    document.title = `${titles[view]} · doubletrack`;
    // Who follows a link of the navigation goes on reading in what it leads to.
    if (shown.current !== view) main.current?.focus();
    shown.current = view;
  }, [view]);
  useEffect(() => {
    if (unknown !== undefined) correctAddress();
  }, [unknown]);
  const View = views[view];
  return (
    <>
      <button type="button" class="skip" onClick={() => main.current?.focus()}>
        Skip to the content
      </button>
      <header class="page-head">
        <h1>doubletrack</h1>
        <nav aria-label="Views">
          {viewNames.map((name) => (
            <a
              key={name}
              href={formatRoute({ view: name, parameters: {} })}
              {...(name === view && { 'aria-current': 'page' as const })}
            >
              {titles[name]}
            </a>
          ))}
        </nav>
        <ThemeField />
      </header>
      <main ref={main} tabIndex={-1} aria-label={titles[view]}>
        {unknown === undefined ? null : (
          <Notice tone="warning" title={`There is no view “${unknown.slice(0, 60)}”`}>
            <p>{`${titles[view]} is shown in its place, and stands in the address now.`}</p>
          </Notice>
        )}
        <Guarded key={view}>
          <Suspense fallback={<Loading view={view} />}>
            <View />
          </Suspense>
        </Guarded>
      </main>
    </>
  );
}

/** A view that is being fetched. */
function Loading({ view }: { readonly view: ViewName }) {
  return (
    <Panel title={titles[view]} note={leads[view]}>
      <Busy what="Loading the view" />
    </Panel>
  );
}

/** A view that breaks says so, and leaves the others alone. */
function Guarded({ children }: { readonly children: ComponentChildren }) {
  const [error] = useErrorBoundary() as [unknown, () => void];
  if (error === undefined) return children;
  const { what } = problemOf(error);
  return <ProblemNotice problem={{ what: `the view cannot be shown: ${what}`, mend: 'load the page again' }} />;
}

function ThemeField() {
  const { choice } = useTheme();
  return (
    <SelectField
      label="Theme"
      value={choice}
      onChange={chooseTheme}
      options={[
        { value: 'auto', words: 'as the system' },
        { value: 'light', words: 'light' },
        { value: 'dark', words: 'dark' },
      ]}
    />
  );
}
