import { InputError, suggestWord } from '../base/index.js';
import {
  type CalibrationRun,
  calibrationFields,
  clusterFields,
  type GpuConfig,
  type LinksConfig,
  type NodesConfig,
  type ProfileConfig,
  type WorkConfig,
} from './cluster-fields.js';
import { type Fields, readFields, readPlainTable, showValue, toSnakeCase, type Values } from './fields.js';

/** A cluster to plan for, and what was measured on it. */
export interface ClusterConfig {
  readonly nodes: NodesConfig;
  readonly gpu: GpuConfig;
  readonly links: LinksConfig;
  readonly work: WorkConfig;
  readonly profile: ProfileConfig;
  /** Path of the calibration that belongs to it; empty means none. */
  readonly calibration: string;
}

type Resolve = (path: string) => string;

/**
 * The cluster that a TOML file (parsed) describes: tables `[nodes]`, `[gpu]`, `[links]`, `[work]`, `[profile]` with all their keys, and `calibration`.
 * `resolve` makes its paths independent of where it lies. Throws `InputError` for what is missing, unknown or out of its range.
 */
export function parseCluster(tables: unknown, where: string, resolve: Resolve = (path) => path): ClusterConfig {
  const { calibration = '', ...rest } = readPlainTable(tables, 'the file', where);
  if (typeof calibration !== 'string' || calibration.includes('\0')) {
    throw new InputError({
      what: `calibration is ${showValue(calibration)}`,
      where,
      mend: 'use the path of a calibration file, or leave it out',
    });
  }
  refuseOtherTables(rest, Object.keys(clusterFields), where);
  const read = <F extends Fields>(name: string, fields: F): Values<F> =>
    readWhole(fields, rest[name], name, where, resolve);
  const cluster: ClusterConfig = {
    nodes: read('nodes', clusterFields.nodes),
    gpu: read('gpu', clusterFields.gpu),
    links: read('links', clusterFields.links),
    work: read('work', clusterFields.work),
    profile: read('profile', clusterFields.profile),
    calibration: calibration === '' ? '' : resolve(calibration),
  };
  checkCluster(cluster, where);
  return cluster;
}

/** The measured step of a calibration file (parsed TOML): the table `[measured]`, with all its keys. Throws `InputError` as `parseCluster`. */
export function parseCalibration(tables: unknown, where: string, resolve: Resolve = (path) => path): CalibrationRun {
  const table = readPlainTable(tables, 'the file', where);
  refuseOtherTables(table, ['measured'], where);
  return readWhole(calibrationFields, table.measured, 'measured', where, resolve);
}

function refuseOtherTables(table: Readonly<Record<string, unknown>>, names: readonly string[], where: string): void {
  const unknown = Object.keys(table).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new InputError({
    what: `unknown table or key '${unknown.slice(0, 60)}'`,
    where,
    mend: suggestWord(unknown.slice(0, 60), names),
  });
}

/** A table that must hold each of its keys. */
function readWhole<F extends Fields>(
  fields: F,
  value: unknown,
  name: string,
  file: string,
  resolve: Resolve,
): Values<F> {
  const where = `${file}, [${name}]`;
  const table = readPlainTable(value ?? {}, name, where);
  const missing = Object.keys(fields)
    .map(toSnakeCase)
    .filter((key) => table[key] === undefined);
  // What readFields gives is complete: it lacks only what is missing, and that is refused just below.
  const values = readFields(fields, table, {} as Values<F>, { where, resolve });
  if (missing.length === 0) return values;
  throw new InputError({ what: `no ${missing.join(', ')}`, where, mend: 'write what the example cluster file has' });
}

function checkCluster({ gpu, links, profile }: ClusterConfig, where: string): void {
  if (gpu.reservedGib >= gpu.memoryGib) {
    throw new InputError({
      what: `reserved_gib is ${gpu.reservedGib}, which leaves nothing of memory_gib, ${gpu.memoryGib}`,
      where: `${where}, [gpu]`,
      mend: 'reserve less',
    });
  }
  for (const [key, value] of [
    ['[links] all_to_all_sms', links.allToAllSms],
    ['[profile] communication_sms', profile.communicationSms],
  ] as const) {
    if (value < gpu.sms) continue;
    throw new InputError({
      what: `${key} is ${value} of ${gpu.sms} multiprocessors`,
      where,
      mend: 'leave some for computation',
    });
  }
}
