import { InputError } from '../base/index.js';
import type { Field } from './fields.js';

/** The names of the schedules: those that are written, everywhere. */
export const scheduleNames = ['gpipe', '1f1b', 'interleaved', 'zb-h1', 'zb-v', 'dualpipe', 'dualpipev'] as const;

export type ScheduleName = (typeof scheduleNames)[number];

/** Names that PyTorch, torchtitan and papers give to the same schedules, as `keyOf` makes them. */
const otherNames: Readonly<Record<string, ScheduleName>> = {
  interleaved1f1b: 'interleaved',
  flexibleinterleaved1f1b: 'interleaved',
  zb1p: 'zb-h1',
  zbvzerobubble: 'zb-v',
};

/** Schedules of others that are not made here, and what comes nearest. */
const nearestNames: Readonly<Record<string, string>> = {
  interleavedzerobubble:
    'with one stage a rank it is zb-h1; with several, the nearest are zb-v (two stages a rank) and interleaved',
  loopedbfs: 'the nearest are gpipe, with one stage a rank, and interleaved, with several',
  zbh2: 'the nearest are zb-h1 and zb-v',
  zb2p: 'the nearest are zb-h1 and zb-v',
  vhalf: 'the nearest is zb-v',
  vmin: 'the nearest is zb-v',
  chimera: 'the nearest is dualpipe',
};

/** In small letters, without what sets words apart, and without PyTorch's `Schedule` at the front. */
function keyOf(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[\s_-]/g, '')
    .replace(/^schedule/, '');
}

const nameByKey: ReadonlyMap<string, ScheduleName> = new Map([
  ...Object.entries(otherNames),
  ...scheduleNames.map((name) => [keyOf(name), name] as const),
]);

/** The schedule that a name means, in any case: one of `scheduleNames`, or another's name for it (`ZBVZeroBubble`). */
export function findScheduleName(name: string): ScheduleName | undefined {
  return nameByKey.get(keyOf(name));
}

/**
 * As `findScheduleName`, or one of `more` in any case; throws `InputError` for another name, with the nearest schedule
 * where it is a known one's.
 */
export function readScheduleName<const M extends string = never>(
  name: string,
  more: readonly M[] = [],
): ScheduleName | M {
  const found = findScheduleName(name) ?? more.find((word) => word === keyOf(name));
  if (found !== undefined) return found;
  throw new InputError({
    what: `there is no schedule ${JSON.stringify(name.slice(0, 60))}`,
    mend: explainName(name) ?? `use one of ${[...scheduleNames, ...more].join(', ')}`,
  });
}

function explainName(name: string): string | undefined {
  const key = keyOf(name);
  return Object.hasOwn(nearestNames, key) ? nearestNames[key] : undefined;
}

/** A key of a config that holds the name of a schedule. */
export function scheduleName<const N extends ScheduleName>(help: string, names: readonly N[]): Field<N> {
  const read = (value: unknown): N | undefined => {
    const found = typeof value === 'string' ? findScheduleName(value) : undefined;
    return names.find((name) => name === found);
  };
  return {
    kind: 'choice',
    help,
    expects: names.map((name) => `"${name}"`).join(' or '),
    read,
    explain: (value) => (typeof value === 'string' ? explainName(value) : undefined),
  };
}
