import type { ExpertLoads } from '../../balance/index.js';
import { fillUpRoutes, joinRoutes } from './join-routes.js';
import { listNumbers, plural, type ReadLoads, type RecordedLoads, refuseLoads } from './recorded-loads.js';

/** Loads that were read, and where, for errors. */
export interface LoadsPart {
  readonly where: string;
  readonly read: ReadLoads;
}

/** As many numbers as loads of several files may have together: 1 GiB. */
const mostNumbers = 2 ** 27;

/**
 * The loads of several files as one: their windows one after the other. What only names what got tokens is filled up
 * with zeros. Throws `InputError` that names the file which does not go with the first.
 */
export function joinWindows(parts: readonly LoadsPart[]): ReadLoads {
  if (parts.length === 1) return parts[0].read;
  const aligned = alignParts(parts);
  const [{ read: first }] = aligned;
  const size = first.loads.layers * first.loads.experts;
  const windows = aligned.reduce((sum, { read }) => sum + read.loads.windows, 0);
  if (windows * size > mostNumbers)
    return refuseLoads(`the files hold more than ${mostNumbers} numbers`, parts[0].where, 'give fewer of them');
  const counts = new Float64Array(windows * size);
  let next = 0;
  for (const { read } of aligned) {
    counts.set(read.loads.counts, next);
    next += read.loads.counts.length;
  }
  return {
    ...describe(aligned),
    loads: { ...first.loads, windows, counts },
    ...joinNames(aligned),
    ...joinAllRoutes(aligned),
  };
}

/**
 * The loads that several ranks counted of the same windows, as one. Throws as `joinWindows`, and where they have
 * different windows.
 */
export function sumRanks(parts: readonly LoadsPart[]): ReadLoads {
  if (parts.length === 1) return parts[0].read;
  const aligned = alignParts(parts);
  const [{ read: first, where }, ...others] = aligned;
  const counts = first.loads.counts.slice();
  for (const { read, where: place } of others) {
    if (read.loads.windows !== first.loads.windows) {
      const what = `it has ${plural(read.loads.windows, 'window')}, ${where} has ${first.loads.windows}`;
      return refuseLoads(what, place, 'give the files of all ranks of one recording');
    }
    for (let i = 0; i < counts.length; i++) counts[i] += read.loads.counts[i];
  }
  const { windowNames } = first;
  return {
    ...describe(aligned),
    loads: { ...first.loads, counts },
    ...(windowNames === undefined ? {} : { windowNames }),
  };
}

/** The loads of files that each have other layers of the same windows, as one. Throws as `sumRanks`. */
export function joinLayers(parts: readonly LoadsPart[]): ReadLoads {
  const layers = parts.flatMap(({ read }) => read.layerNumbers).sort((a, b) => a - b);
  const experts = Math.max(...parts.map(({ read }) => read.loads.experts));
  const whole = parts.map(({ where, read }) => ({ where, read: fillUp(read, { layers, experts }) }));
  return { ...sumRanks(whole), ...joinAllRoutes(whole) };
}

/**
 * The loads of ranks that each counted their own experts of the same windows and layers, side by side. Throws as
 * `sumRanks`.
 */
export function joinExperts(parts: readonly LoadsPart[]): ReadLoads {
  const experts = parts.reduce((sum, { read }) => sum + read.loads.experts, 0);
  const [{ read: first }] = parts;
  if (first.loads.windows * first.loads.layers * experts > mostNumbers)
    return refuseLoads(`the files hold more than ${mostNumbers} numbers`, parts[0].where, 'give fewer of them');
  let start = 0;
  const whole = parts.map(({ where, read }) => {
    const { windows, layers, experts: own } = read.loads;
    const counts = new Float64Array(windows * layers * experts);
    for (let row = 0; row < windows * layers; row++)
      counts.set(read.loads.counts.subarray(row * own, (row + 1) * own), row * experts + start);
    start += own;
    return { where, read: { ...read, loads: { windows, layers, experts, counts } } };
  });
  return sumRanks(whole);
}

/** Whether each of the files has layers that no other has. */
export function haveOtherLayers(parts: readonly LoadsPart[]): boolean {
  const numbers = parts.flatMap(({ read }) => read.layerNumbers);
  const areNumbered = parts.every(({ read }) => read.labels !== undefined || read.routes !== undefined);
  return parts.length > 1 && areNumbered && new Set(numbers).size === numbers.length;
}

function describe(parts: readonly LoadsPart[]): Omit<ReadLoads, 'loads' | 'windowNames' | 'routes'> {
  const [{ read: first }] = parts;
  const last = parts[parts.length - 1].read;
  const labels = first.labels && {
    areModules: parts.some(({ read }) => read.labels?.areModules === true),
    isSparse: parts.some(({ read }) => read.labels?.isSparse === true),
  };
  return {
    format: parts.every(({ read }) => read.format === first.format) ? first.format : 'table',
    layerNumbers: first.layerNumbers,
    layerNumbering: first.layerNumbering,
    ...(labels === undefined ? {} : { labels }),
    ...(last.placement === undefined ? {} : { placement: last.placement }),
    notes: joinNotes(parts),
  };
}

/** What all files have in common is said once, the rest with the file's name; of many files, of how many it is true. */
function joinNotes(parts: readonly LoadsPart[]): readonly string[] {
  const places = new Map<string, string[]>();
  for (const { where, read } of parts) {
    for (const note of new Set(read.notes)) {
      const known = places.get(note);
      if (known === undefined) places.set(note, [where]);
      else known.push(where);
    }
  }
  return [...places].map(([note, wheres]) => {
    if (wheres.length === parts.length) return note;
    return wheres.length === 1 ? `${wheres[0]}: ${note}` : `${wheres[0]} and ${wheres.length - 1} more: ${note}`;
  });
}

/** All with the same layers and experts. */
function alignParts(parts: readonly LoadsPart[]): readonly LoadsPart[] {
  const [{ read: first, where: firstWhere }] = parts;
  const areSparse = parts.every(({ read }) => read.labels?.isSparse === true || read.routes !== undefined);
  const all = new Set(parts.flatMap(({ read }) => read.layerNumbers));
  const layers = areSparse ? [...all].sort((a, b) => a - b) : first.layerNumbers;
  const experts = areSparse ? Math.max(...parts.map(({ read }) => read.loads.experts)) : first.loads.experts;
  return parts.map(({ where, read }) => {
    checkKind(read, first, { where, firstWhere });
    if (areSparse) return { where, read: fillUp(read, { layers, experts }) };
    if (read.loads.layers !== layers.length || read.loads.experts !== experts) {
      const [here, there] = [read.loads, first.loads].map(sizeOf);
      return refuseLoads(`it has ${here}, ${firstWhere} has ${there}`, where, 'give the loads of one model');
    }
    if (read.layerNumbers.some((layer, row) => layer !== layers[row])) {
      const [here, there] = [read.layerNumbers, layers].map(listNumbers);
      return refuseLoads(
        `its layers are ${here}, those of ${firstWhere} ${there}`,
        where,
        'give the loads of one model',
      );
    }
    return { where, read };
  });
}

function sizeOf({ layers, experts }: ExpertLoads): string {
  return `${plural(layers, 'layer')} of ${plural(experts, 'expert')}`;
}

function checkKind(
  read: ReadLoads,
  first: ReadLoads,
  { where, firstWhere }: { readonly where: string; readonly firstWhere: string },
): void {
  // What labels count is known only of all files together.
  if (read.labels !== undefined && first.labels !== undefined) return;
  if (read.labels === undefined && first.labels === undefined && read.layerNumbering === first.layerNumbering) return;
  const what = `its layers are ${wordsOf(read)}, those of ${firstWhere} are ${wordsOf(first)}`;
  refuseLoads(what, where, 'give files that count layers alike');
}

function wordsOf({ labels, layerNumbering }: ReadLoads): string {
  if (labels !== undefined) return 'numbered in the file';
  return layerNumbering === 'absolute' ? "all of the model's" : 'only those with experts';
}

/** The same loads with zeros for layers and experts that are not in them. */
function fillUp(
  read: ReadLoads,
  { layers, experts }: { readonly layers: readonly number[]; readonly experts: number },
): ReadLoads {
  const { loads, layerNumbers } = read;
  if (loads.experts === experts && loads.layers === layers.length) return read;
  const size = layers.length * experts;
  if (loads.windows * size > mostNumbers)
    return refuseLoads(
      `${plural(loads.windows, 'window')} of ${layers.length} layers are too many`,
      'the files',
      'give fewer',
    );
  const counts = new Float64Array(loads.windows * size);
  const rowOf = new Map(layers.map((layer, row) => [layer, row]));
  for (let window = 0; window < loads.windows; window++) {
    for (const [row, layer] of layerNumbers.entries()) {
      const from = (window * loads.layers + row) * loads.experts;
      const to = window * size + (rowOf.get(layer) ?? 0) * experts;
      counts.set(loads.counts.subarray(from, from + loads.experts), to);
    }
  }
  return {
    ...read,
    layerNumbers: layers,
    loads: { windows: loads.windows, layers: layers.length, experts, counts },
    ...(read.routes === undefined ? {} : { routes: fillUpRoutes(read.routes, layerNumbers, layers) }),
  };
}

function joinNames(parts: readonly LoadsPart[]): Pick<RecordedLoads, 'windowNames'> {
  const names = parts.flatMap(({ read }) => read.windowNames ?? []);
  const windows = parts.reduce((sum, { read }) => sum + read.loads.windows, 0);
  return names.length === windows ? { windowNames: names } : {};
}

function joinAllRoutes(parts: readonly LoadsPart[]): Pick<RecordedLoads, 'routes'> {
  const routes = parts.flatMap(({ read }) => read.routes ?? []);
  return routes.length === parts.length ? { routes: joinRoutes(routes) } : {};
}
