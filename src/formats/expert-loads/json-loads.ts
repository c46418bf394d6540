import { describeEntries } from '../file-kind.js';
import { readAdrs } from './adrs.js';
import { isDomains, isTable, readDomains } from './domains.js';
import { firstOfLines, isLastCut, type JsonLine, parseJsonLines, parsePythonJson, selectPart } from './json-text.js';
import { readRecords } from './record-tables.js';
import { hasTokens, isRecord, keepWindows, type ReadLoads, type ReadOptions, refuseLoads } from './recorded-loads.js';
import { readRouteLines } from './routes.js';
import { readSglangJson } from './sglang.js';
import { readable, readShaped, refuseKind } from './shaped-loads.js';
import { createSource } from './table-source.js';
import { readVllmLines } from './vllm.js';

/** Where a text was found, and which part of it a person named. */
export interface TextSource {
  readonly where: string;
  readonly part: readonly string[];
  readonly options: ReadOptions;
}

/** The loads of a text of JSON, or of JSON Lines. Throws `InputError` that names the line, window, layer or key. */
export function readJsonText(text: string, { where, part, options }: TextSource): ReadLoads {
  if (hasListLines(text)) return readListLines(text, { where, part, options });
  const first = firstOfLines(text);
  if (first !== undefined && (part.length === 0 || isRecordLine(first))) {
    const lines = () => parseJsonLines(text, where);
    const read = readLines(first, lines, { where, part, options });
    return isLastCut(text) ? leaveOutCut(read) : read;
  }
  const value = selectPart(parsePythonJson(text, where), part, where);
  return readJsonValue(value, { where: part.length === 0 ? where : `${where}#${part.join('/')}`, part, options });
}

/** Whether a text has a list in each line, and no list around them. */
function hasListLines(text: string): boolean {
  const [first, second] = text.slice(0, mostSampled).trimStart().split(/\r?\n/, 2);
  return second !== undefined && /^\[.*\]$/.test(first) && /^\[/.test(second) && isJson(first);
}

const mostSampled = 2 ** 20;

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A layer in each line, or a window of layers. */
function readListLines(text: string, { where, part, options }: TextSource): ReadLoads {
  const values = [...parseJsonLines(text, where)].map(({ value }) => value);
  const read = readShaped(selectPart(values, part, where), { where, options, isAnyName: true });
  return isLastCut(text) ? leaveOutCut(read) : read;
}

/** Of loads whose last line was cut: without the last window where a layer of it is missing, which that line held. */
function leaveOutCut(read: ReadLoads): ReadLoads {
  const note = 'the last line was cut, and is left out';
  const { loads } = read;
  const last = loads.windows - 1;
  const isWhole = (layer: number): boolean =>
    hasTokens(loads, last, layer) ||
    !Array.from({ length: last }, (_, window) => window).some((window) => hasTokens(loads, window, layer));
  if (last === 0 || read.layerNumbers.every((_, layer) => isWhole(layer)))
    return { ...read, notes: [note, ...read.notes] };
  const kept = keepWindows(loads, (window) => window < last);
  return {
    ...read,
    loads: kept,
    notes: [`${note}, and with it the last window, of which a layer is missing`, ...read.notes],
  };
}

/** Whether a line is a record of a table, of which a part names a field. */
function isRecordLine(first: Readonly<Record<string, unknown>>): boolean {
  return !isVllm(first) && !Object.hasOwn(first, 'type');
}

/** Whether a line is a record of vLLM; early ones do not say so. */
function isVllm(first: Readonly<Record<string, unknown>>): boolean {
  return (
    Object.hasOwn(first, 'record_type') || (Object.hasOwn(first, 'expert_load') && Object.hasOwn(first, 'p2l_map'))
  );
}

function readLines(
  first: Readonly<Record<string, unknown>>,
  lines: () => Iterable<JsonLine>,
  { where, part, options }: TextSource,
): ReadLoads {
  if (isVllm(first)) return readVllmLines(lines(), where, options);
  if (first.type === 'route' || (Object.hasOwn(first, 'type') && hasRoutes(lines())))
    return readRouteLines(lines(), where, options);
  const kind = describeEntries(Object.entries(first));
  if (kind !== undefined) return refuseKind(kind, where);
  const column = part.length === 0 ? undefined : part.join('/');
  const read = readRecords(lines, createSource({ where, options, column }));
  if (read !== undefined) return read;
  const keys = Object.keys(first)
    .slice(0, 8)
    .map((key) => JSON.stringify(key.slice(0, 40)));
  return refuseLoads(
    `its lines are no records of loads: their keys are ${keys.join(', ')}`,
    `${where}, line 1`,
    readable,
  );
}

/** Routes may come after lines of other types, such as one about the run. */
function hasRoutes(lines: Iterable<JsonLine>): boolean {
  for (const { value } of lines) if (isRecord(value) && value.type === 'route') return true;
  return false;
}

function readJsonValue(value: unknown, { where, part, options }: TextSource): ReadLoads {
  if (part.length > 0 && isTable(value)) return readDomains({ [part.at(-1) ?? '']: value }, where);
  if (isRecord(value)) {
    if (Object.hasOwn(value, 'logical_count')) return readSglangJson(value, where, options);
    if (Object.hasOwn(value, 'load_history')) return readAdrs(value, where, options);
    if (isDomains(value.domains)) return readDomains(value.domains, where);
    // A JSONL of one line.
    if (isVllm(value) || value.type === 'route')
      return readLines(value, () => [{ value, where: `${where}, line 1` }], { where, part, options });
    // At the top of a file, a key that is not known is more likely a mistake than a domain's name.
    if (part.length > 0 && isDomains(value) && describeEntries(Object.entries(value)) === undefined)
      return readDomains(value, where);
  }
  return readShaped(value, { where, options, isAnyName: part.length > 0 });
}
