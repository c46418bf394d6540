import { type EventKind, eventKinds, type Timeline, type TimelineEvent } from '../schedule/index.js';

/** How an event of each kind is shown. */
export interface KindStyle {
  /** PyTorch's letter; empty where none is written. */
  readonly letter: string;
  readonly words: string;
  /** On white, under black text. */
  readonly fill: string;
  /** SVG path of an 8 x 8 tile, so that kinds differ without colour. */
  readonly hatch: string;
  /** Parameters of the terminal's escape code. */
  readonly ansi: string;
}

/** The style of every kind of event. */
export const kindStyles: Readonly<Record<EventKind, KindStyle>> = {
  forward: { letter: 'F', words: 'forward', fill: '#a5d0f0', hatch: '', ansi: '30;46' },
  backward: { letter: 'B', words: 'backward', fill: '#f7b267', hatch: 'M0 8 8 0', ansi: '30;43' },
  backwardInput: { letter: 'I', words: 'backward for inputs', fill: '#fbe28a', hatch: 'M0 4 8 4', ansi: '30;103' },
  backwardWeight: { letter: 'W', words: 'backward for weights', fill: '#b5d99c', hatch: 'M4 0 4 8', ansi: '30;42' },
  overlap: {
    letter: '',
    words: 'forward and backward overlapped (forward above)',
    fill: '#d9c2ec',
    hatch: 'M0 0 8 8M0 8 8 0',
    ansi: '30;105',
  },
  communication: { letter: '', words: 'communication', fill: '#8a8f98', hatch: '', ansi: '37;100' },
  other: { letter: '', words: 'other work', fill: '#d0d3d8', hatch: 'M0 0 8 8', ansi: '30;47' },
  exposed: {
    letter: '',
    words: 'communication that nothing hides',
    fill: '#ff8a7a',
    hatch: 'M2 0 2 8M6 0 6 8',
    ansi: '30;41',
  },
  idle: { letter: '', words: 'waiting for another stage', fill: '#ffffff', hatch: 'M0 2 8 2', ansi: '30;107' },
};

/** The kinds that occur in a timeline, in the order of the legend. */
export function kindsOf(timeline: Timeline): EventKind[] {
  const present = new Set(timeline.ranks.flatMap((events) => events.map(({ kind }) => kind)));
  return eventKinds.filter((kind) => present.has(kind));
}

/** When the last event ends. */
export function endOf(timeline: Timeline): number {
  let end = 0;
  for (const events of timeline.ranks) {
    for (const event of events) end = Math.max(end, event.end);
  }
  return end;
}

/** The lowest stage that each rank works for; the rank's other stages are marked. */
export function firstStages(timeline: Timeline): number[] {
  return timeline.ranks.map((events) => {
    let first = Number.POSITIVE_INFINITY;
    for (const { chunks } of events) for (const { stage } of chunks) first = Math.min(first, stage);
    return first;
  });
}

/** Whether some rank works for more than one stage. */
export function hasOtherStages(timeline: Timeline, first: readonly number[]): boolean {
  return timeline.ranks.some((events, rank) =>
    events.some(({ chunks }) => chunks.some(({ stage }) => stage !== first[rank])),
  );
}

/** The microbatches of an event: `3`, or `7/3` for a pair. */
export function microbatchText({ chunks }: TimelineEvent): string {
  return chunks.map(({ microbatch }) => microbatch).join('/');
}
