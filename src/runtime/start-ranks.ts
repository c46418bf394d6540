import type { Launch } from '../comm/index.js';
import type { RankGroup } from './group.js';
import { startProcessRank } from './process-group.js';
import type { RunSpec } from './spec.js';
import { startThreadRanks } from './thread-group.js';

/**
 * Starts the ranks of a run and waits until all are built: threads of this process, or, launched by mpiexec, one rank of it in every process.
 * Throws `WorkError` with the cause if one cannot be.
 */
export function startRanks(spec: RunSpec, launch?: Launch): Promise<RankGroup> {
  return launch === undefined ? startThreadRanks(spec) : startProcessRank(spec, launch);
}
