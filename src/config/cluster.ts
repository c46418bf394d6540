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
  const lacks: Lack[] = [];
  const read = <F extends Fields>(name: string, fields: F): Values<F> =>
    readTable(fields, rest[name], { name, where: `${where}, [${name}]`, resolve, lacks });
  const cluster: ClusterConfig = {
    nodes: read('nodes', clusterFields.nodes),
    gpu: read('gpu', clusterFields.gpu),
    links: read('links', clusterFields.links),
    work: read('work', clusterFields.work),
    profile: read('profile', clusterFields.profile),
    calibration: calibration === '' ? '' : resolve(calibration),
  };
  refuseLacks(lacks, where, clusterHint);
  checkCluster(cluster, where);
  return cluster;
}

/** The measured step of a calibration file (parsed TOML): the table `[measured]`, with all its keys. Throws `InputError` as `parseCluster`. */
export function parseCalibration(tables: unknown, where: string, resolve: Resolve = (path) => path): CalibrationRun {
  const table = readPlainTable(tables, 'the file', where);
  refuseOtherTables(table, ['measured'], where);
  const lacks: Lack[] = [];
  const place = { name: 'measured', where: `${where}, [measured]`, resolve, lacks };
  const run = readTable(calibrationFields, table.measured, place);
  refuseLacks(lacks, where, 'configs/h800-2048.calibration.toml has them all');
  return run;
}

/** Where the keys of a cluster file come from. */
const clusterHint =
  'configs/h800-2048.toml has them all, with the source of each; [profile] is measured on your GPU ' +
  '(docs/traces.md), and with that of the example its kernels take as long as on an H800';

function refuseOtherTables(table: Readonly<Record<string, unknown>>, names: readonly string[], where: string): void {
  const unknown = Object.keys(table).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new InputError({
    what: `unknown table or key '${unknown.slice(0, 60)}'`,
    where,
    mend: suggestWord(unknown.slice(0, 60), names),
  });
}

/** A table of a file that has not all of its keys. */
interface Lack {
  readonly table: string;
  readonly keys: readonly string[];
}

/** Where a table stands, and what takes its lack. */
interface TablePlace {
  readonly name: string;
  readonly where: string;
  readonly resolve: Resolve;
  readonly lacks: Lack[];
}

/** A table that must hold each of its keys: what it lacks is noted, and the values are whole where nothing is. */
function readTable<F extends Fields>(
  fields: F,
  value: unknown,
  { name, where, resolve, lacks }: TablePlace,
): Values<F> {
  const table = readPlainTable(value ?? {}, name, where);
  const keys = Object.keys(fields)
    .map(toSnakeCase)
    .filter((key) => table[key] === undefined);
  if (keys.length > 0) lacks.push({ table: name, keys });
  return readFields(fields, table, {} as Values<F>, { where, resolve });
}

/** Throws `InputError` that tells all that is missing. */
function refuseLacks(lacks: readonly Lack[], file: string, mend: string): void {
  if (lacks.length === 0) return;
  const only = lacks.length === 1;
  throw new InputError({
    what: lacks.map(({ table, keys }) => `no ${keys.join(', ')}${only ? '' : ` in [${table}]`}`).join('; '),
    where: only ? `${file}, [${lacks[0].table}]` : file,
    mend,
  });
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
