import { assignCores, listCores } from '../device/index.js';
import type { RunSpec } from './spec.js';

/** Hardware threads that the threads of a rank keep to, the place of the rank being that among the ranks of this machine; empty lists: any. */
export function chooseCores(
  { affinity, computeThreads }: Pick<RunSpec, 'affinity' | 'computeThreads'>,
  place: { readonly rank: number; readonly ranks: number },
): { readonly compute: readonly number[]; readonly communication: readonly number[] } {
  if (affinity === 'none') return { compute: [], communication: [] };
  return assignCores({ ...place, computeThreads, cores: listCores() });
}
