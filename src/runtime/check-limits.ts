import { formatBytes, WorkError } from '../base/index.js';
import { type ProcessLimit, readProcessLimits } from '../device/index.js';

/**
 * Addresses that a rank asks for beside its state: the 10 GiB that V8 keeps free around a WebAssembly memory, so that
 * no access leaves it, and what two threads and ONNX Runtime map. No memory is used for most of it.
 */
const RANK_BYTES = 11.25 * 2 ** 30;

/** A computing and a communication thread. */
const RANK_THREADS = 2;
/** That ONNX Runtime and Node start for a moment. */
const SPARE_THREADS = 2;

/**
 * Throws `WorkError` where the system's limits do not allow this process what its ranks ask for: Node itself would end
 * in the middle of it, with a trace and without a cause.
 * @param stateBytes of each rank of this process
 */
export function checkLimits(stateBytes: readonly number[], computeThreads: number, limits = readProcessLimits()): void {
  const ranks = stateBytes.length;
  const who = ranks === 1 ? 'a rank needs' : `${ranks} ranks need`;
  const { addresses, threads } = limits;
  if (addresses !== undefined) checkAddresses(stateBytes, who, addresses);
  const count = ranks * (RANK_THREADS + computeThreads - 1) + SPARE_THREADS;
  if (threads === undefined || threads.used + count <= threads.limit) return;
  throw new WorkError({
    what: `${who} ${count} threads, and ${Math.max(0, threads.limit - threads.used)} are left`,
    where: `ulimit -u ${threads.limit}`,
    mend: 'allow more (ulimit -u 4096)',
  });
}

function checkAddresses(stateBytes: readonly number[], who: string, { limit, used }: ProcessLimit): void {
  const needed = stateBytes.reduce((sum, state) => sum + RANK_BYTES + state, 0);
  const left = limit - used;
  if (needed <= left) return;
  const each = needed / stateBytes.length;
  const most = Math.max(0, Math.floor(left / each));
  // One rank more writes the sample at the end of a run.
  const enough = Math.ceil((used + needed + RANK_BYTES) / 2 ** 30) * 2 ** 20;
  throw new WorkError({
    what: `${who} ${formatBytes(needed)} of addresses, and ${formatBytes(Math.max(0, left))} are left`,
    where: `ulimit -v ${limit / 1024}`,
    mend: `allow more (ulimit -v ${enough}, or unlimited: most of it is never used)${most === 0 ? '' : `, or use ${most} rank${most === 1 ? '' : 's'}`}`,
  });
}
