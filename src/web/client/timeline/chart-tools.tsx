import type { ComponentChildren, RefObject } from 'preact';
import { useId } from 'preact/hooks';
import { panWindow } from '../../view/index.js';
import type { Frame } from './draw-frame.js';
import { type ChartActions, chartKeys, sumOf } from './keys.js';
import type { ChartSearch } from './use-search.js';

export interface ChartToolsProps {
  readonly heading?: ComponentChildren;
  /** Leaves out the buttons that another chart with the same window has. */
  readonly isSecond?: boolean;
  /** What the chart is of. */
  readonly label: string;
  /** Hears that the whole is to be shown. */
  readonly onWindow: (window: undefined) => void;
  readonly frame: Frame;
  readonly actions: ChartActions;
  readonly search: ChartSearch;
  readonly keys: RefObject<HTMLDialogElement | null>;
}

/** Over a chart, in a row: its heading, and what its keys do as buttons. */
export function ChartTools({
  heading,
  isSecond = false,
  label,
  onWindow,
  frame,
  actions,
  search,
  keys,
}: ChartToolsProps) {
  const { show, zoom, choose, showKeys } = actions;
  const move = (share: number) => show(panWindow(frame.window, frame.span, share));
  return (
    <div class="chart-tools">
      {heading}
      {isSecond ? null : (
        <div class="actions">
          <button type="button" onClick={() => zoom(0.5)} aria-label="Zoom in">
            +
          </button>
          <button type="button" onClick={() => zoom(2)} aria-label="Zoom out">
            −
          </button>
          <button type="button" onClick={() => move(-0.25)} aria-label="Earlier">
            ←
          </button>
          <button type="button" onClick={() => move(0.25)} aria-label="Later">
            →
          </button>
          <button type="button" onClick={() => onWindow(undefined)}>
            Whole
          </button>
        </div>
      )}
      <SearchField label={label} search={search} />
      <div class="actions">
        <button
          type="button"
          aria-pressed={frame.area !== undefined}
          title="Count and sum the events in a span of time"
          onClick={() => choose(frame.area === undefined ? sumOf(frame) : undefined)}
        >
          Sum
        </button>
        <button type="button" onClick={showKeys} aria-label="Keys of the timeline">
          ?
        </button>
      </div>
      <KeysDialog dialog={keys} />
    </div>
  );
}

function SearchField({ label, search }: { readonly label: string; readonly search: ChartSearch }) {
  const { input, query, setQuery, words, findNext } = search;
  const id = useId();
  return (
    <search class="chart-search">
      <label class="unseen" for={id}>{`Find an event: ${label}`}</label>
      <input
        id={id}
        ref={input}
        type="text"
        placeholder="Find an event"
        autoComplete="off"
        spellcheck={false}
        value={query}
        onInput={(event) => setQuery(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') findNext(event.shiftKey ? -1 : 1);
          else if (event.key === 'Escape') setQuery('');
          else return;
          event.preventDefault();
        }}
      />
      <output for={id}>{words}</output>
      {words === '' ? null : (
        <span class="actions">
          <button type="button" onClick={() => findNext(-1)} aria-label="Previous match">
            ‹
          </button>
          <button type="button" onClick={() => findNext(1)} aria-label="Next match">
            ›
          </button>
        </span>
      )}
    </search>
  );
}

function KeysDialog({ dialog }: { readonly dialog: RefObject<HTMLDialogElement | null> }) {
  const id = useId();
  return (
    <dialog ref={dialog} class="keys-dialog" aria-labelledby={id}>
      <h2 id={id}>Keys of the timeline</h2>
      <dl>
        {chartKeys.map(([names, meaning]) => (
          <div key={names}>
            <dt>{names}</dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
      <p class="note">They are heard while the timeline has the focus: click it, or reach it with Tab.</p>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
