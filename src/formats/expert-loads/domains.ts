import { createLoads } from '../../balance/index.js';
import { isRecord, numberLayers, type RecordedLoads } from './recorded-loads.js';

/** Whether a value is `{NAME: [layers][experts], ...}`, as far as the first numbers of each. */
export function isDomains(value: unknown): value is Readonly<Record<string, unknown>> {
  return isRecord(value) && Object.keys(value).length > 0 && Object.values(value).every(isTable);
}

/** Whether a value is a list of lists, but not of deeper ones. */
export function isTable(value: unknown): boolean {
  return Array.isArray(value) && Array.isArray(value[0]) && !Array.isArray(value[0][0]);
}

/** Counts of several domains of text, `{NAME: [layers][experts], ...}`: a window each, named. Throws `InputError` as `createLoads`, with the domain. */
export function readDomains(domains: Readonly<Record<string, unknown>>, where: string): RecordedLoads {
  const windowNames = Object.keys(domains);
  const tables = Object.values(domains) as number[][][];
  // Alone first, so that an error names the domain and not its number.
  for (const [window, table] of tables.entries()) createLoads([table], `${where}, domain '${windowNames[window]}'`);
  const loads = createLoads(tables, where);
  return {
    format: 'domains',
    loads,
    layerNumbers: numberLayers(loads.layers),
    layerNumbering: 'moe',
    windowNames,
    notes: [],
  };
}
